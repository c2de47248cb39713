/*
 * Preloaded into the server beside the sanitizer runtimes, and linked with -z initfirst, so that
 * its constructor is the first of the process.  An allocation there sets the address sanitizer's
 * runtime up in time; without it, one of the server's other libraries allocates in the middle of
 * that, and the server hangs before it starts.
 */
#include <stdlib.h>

__attribute__((constructor)) static void Allocate(void) {
  void* volatile block = malloc(1); /* volatile: the pair may not be optimized away */
  free(block);
}
