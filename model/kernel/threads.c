// OpenMP's workers and the rest of the program.
//
// After each parallel region libgomp's workers spin for milliseconds in case another follows. That is
// fair on an idle machine, but here decoding and augmentation want the same cores: with spinning workers
// a training step beside other load took three times as long. libgomp spins for microseconds only where
// it counts more threads than CPUs, and its settings are read before main, so a second, sleeping team
// tips the count. OMP_WAIT_POLICY and GOMP_SPINCOUNT, where set, still have their say.
#include "kernel.h"
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static void *sleeper(void *unused) {
	(void)unused;
#pragma omp parallel num_threads(omp_get_num_procs())
	{
	}
	for (;;) pause();
	return NULL;
}

static void start(void) {
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); // the new threads leave signals to Go's
	pthread_t t;
	if (!pthread_create(&t, NULL, sleeper, NULL)) pthread_detach(t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
void nf_threads_start(void) { pthread_once(&once, start); }
