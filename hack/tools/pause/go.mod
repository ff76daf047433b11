module surefoot.dev/hack/tools/pause

go 1.26.0

tool surefoot.dev/hack/tools/pause
