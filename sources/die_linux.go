package sources

import "syscall"

// attributes put a child into a process group of its own, so that Ctrl-C reaches the parent alone and the
// parent can ask it to drain, and have the kernel kill it when the thread that started it dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// kill ends the child and whatever it started.
func kill(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
