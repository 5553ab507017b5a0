//go:build unix && !linux

package sources

import "syscall"

// attributes put a child into a process group of its own, so that Ctrl-C reaches the parent alone and the
// parent can ask it to drain. Here only the end of its stdin tells it that the parent is gone.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// kill ends the child and whatever it started.
func kill(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
