// One function for each thing that a domain of sites measures; the input says which to run.
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#define APART __attribute__((noinline))
static volatile int sink;
template <class T>
static void keep(T* pointer) {
  asm volatile("" : : "r"(pointer) : "memory");
}

APART static void by_malloc(size_t n) {
  for (int i = 0; i < 3; ++i) {
    void* block = malloc(n);
    keep(block);
    free(block);
  }
}
APART static void by_calloc(size_t n) {
  void* block = calloc(n, 100);
  keep(block);
  free(block);
}
APART static void by_realloc(size_t n) {
  void* block = malloc(10);
  keep(block);
  block = realloc(block, n);
  keep(block);
  block = realloc(block, 5000);
  keep(block);
  free(block);
}
APART static void by_new(size_t n) {
  auto* text = new char[n];
  keep(text);
  delete[] text;
  auto number = std::make_unique<int>(4);
  keep(number.get());
}
APART static void aligned(size_t n) {
  void* block = nullptr;
  if (posix_memalign(&block, 64, n) == 0) free(block);
  block = aligned_alloc(64, 128);
  keep(block);
  free(block);
}
APART static void mapped(size_t n) {
  void* block = mmap(nullptr, n * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  keep(block);
  munmap(block, n * 4096);
}
APART static void doubled(const char* text) {
  char* copy = strdup(text);
  keep(copy);
  free(copy);
}
APART static void huge() {
  void* block = malloc(0x500000000ull);  // 20 GiB: more than 32 bits can say
  keep(block);
  free(block);
}
APART void* own_allocator(int, size_t n) {
  static char room[8];
  return room + (n == 12345);
}
APART static void by_own(size_t n) { keep(own_allocator(1, n)); }
APART static void leaves_live(size_t n) {
  void* a = malloc(100000 * n);
  void* b = malloc(200000 * n);
  keep(a), keep(b);
  free(a), free(b);
}

APART static int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
APART static int throws_deep(int n) {
  if (n == 0) throw std::runtime_error("deep");
  return throws_deep(n - 1) + 1;
}
APART static void deep(int n) {
  char room[1000];
  keep(room);
  if (n > 0) deep(n - 1);
  keep(room);
}
APART static void turns(int outer, int inner) {
  for (int i = 0; i < outer; ++i) {
    sink = sink + 1;
    for (int j = 0; j < inner - i; ++j) sink = sink + j;
  }
}
APART static void waits() {
  static std::mutex mutex;
  mutex.lock();
  std::thread other([] { std::lock_guard<std::mutex> lock(mutex); });
  usleep(20000);
  mutex.unlock();
  other.join();
}
APART static void reads_and_writes(const char* text) {
  char buffer[100];
  int ends[2];
  if (pipe(ends) != 0) return;
  sink = (int)write(ends[1], text, strlen(text));
  sink = (int)read(ends[0], buffer, sizeof buffer);
  close(ends[0]), close(ends[1]);
  FILE* null = fopen("/dev/null", "w");
  sink = (int)fwrite(buffer, 2, 5, null);
  fputs("12345\n", null);
  fclose(null);
}
APART static void tells(int n) {
  for (int i = 0; i < n; ++i) fprintf(stderr, "one %d\ntwo\n", i);
  fputs("x\n", stderr);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string what((const char*)data, size);
  if (what == "malloc") by_malloc(1000);
  if (what == "calloc") by_calloc(7);
  if (what == "realloc") by_realloc(300);
  if (what == "new") by_new(77);
  if (what == "aligned") aligned(640);
  if (what == "mapped") mapped(3);
  if (what == "strdup") doubled("twelve chars");
  if (what == "huge") huge();
  if (what == "own") by_own(4321);
  if (what == "live") leaves_live(1);
  if (what == "fibonacci") sink = fibonacci(8);
  if (what == "throws") {
    for (int i = 0; i < 3; ++i) {
      try {
        sink = throws_deep(5);
      } catch (const std::exception&) {}
    }
  }
  if (what == "deep") deep(10);
  if (what == "deeper") deep(20);
  if (what == "turns") turns(4, 9);
  if (what == "waits") waits();
  if (what == "io") reads_and_writes("seventeen letters");
  if (what == "tells") tells(3);
  return 0;
}
