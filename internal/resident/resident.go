// Package resident keeps a process small.
package resident

/*
#define _GNU_SOURCE
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

// leave gives back the pages of a program's or library's segments that nobody can have written to.
static int leave(struct dl_phdr_info *info, size_t size, void *unused) {
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	(void)size, (void)unused;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = (info->dlpi_addr + p->p_vaddr) & ~(page - 1), to = (info->dlpi_addr + p->p_vaddr + p->p_memsz) & ~(page - 1);
		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W) && to > from) madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

static void shed(void) { dl_iterate_phdr(leave, NULL); }
*/
import "C"

// Shed unmaps the code and the constants of the program and of all its libraries. What is needed comes back by itself, page by
// page; what starting looked at once does not: the dynamic linker has searched the names of some 260 libraries, most of
// which OpenCV brings along and nobody calls. Call it when a long life begins.
func Shed() { C.shed() }
