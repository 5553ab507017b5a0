// OpenMP's workers and the rest of the program.
//
// After each parallel region libgomp's threads spin for milliseconds in case another follows. That is fair on an idle
// machine; where others want the cores, a thread that spins keeps away the very one it waits for, and a step took eight
// times as long. libgomp's settings are read before main: the command nearfar sets them and starts itself again
// (cmd/nearfar/patience.go). Elsewhere a second, sleeping team makes libgomp count more threads than CPUs, and then it
// spins for microseconds; steps that have the machine to themselves take a tenth longer for it.
#include "kernel.h"
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void *sleeper(void *unused) {
	(void)unused;
#pragma omp parallel num_threads(omp_get_num_procs())
	__asm__ volatile(""); // a region of nothing would be left out by the compiler
	for (;;) pause();
	return NULL;
}

static void start(void) {
	if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY")) return; // somebody has chosen
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); // the new threads leave signals to Go's
	pthread_t t;
	if (!pthread_create(&t, NULL, sleeper, NULL)) pthread_detach(t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
void nf_threads_start(void) { pthread_once(&once, start); }
