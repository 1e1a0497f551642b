/* Preloaded into Node: puts a page behind the heap, as the kernel's random addresses do now and then. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

__attribute__((constructor)) static void end_heap(void) {
  if (strcmp(program_invocation_short_name, "node") != 0) return;
  mmap(sbrk(0), sysconf(_SC_PAGESIZE), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}
