/* What a program waits for, reads, writes and tells: the domains lock, io and log. */
#include <stdio.h>
#include <string.h>

#include "runtime.h"

/* ---- lock: nanoseconds ---- */

/* A lock that is free takes less; below it a clock's noise would look like progress. */
#define WAITED_LEAST 2000u

uint64_t __isobar_fuzz_now(void) { return isobar_epoch == 0 ? 0 : isobar_now(); }

void __isobar_fuzz_waited(struct isobar_fuzz_cell* cell, uint64_t since) {
  if (isobar_epoch == 0 || since == 0) return;
  const uint64_t waited = isobar_now() - since;
  if (waited >= WAITED_LEAST) __isobar_fuzz_cell_add(cell, waited);
}

/* ---- io: bytes ---- */

void __isobar_fuzz_io_bytes(struct isobar_fuzz_cell* cell, int64_t bytes) {
  if (bytes > 0) __isobar_fuzz_cell_add(cell, (uint64_t)bytes);
}
void __isobar_fuzz_io_items(struct isobar_fuzz_cell* cell, uint64_t items, uint64_t size) {
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(items, size, &bytes)) bytes = UINT64_MAX;
  if (bytes > 0) __isobar_fuzz_cell_add(cell, bytes);
}
void __isobar_fuzz_io_text(struct isobar_fuzz_cell* cell, const char* text) {
  if (text != NULL && *text != 0) __isobar_fuzz_cell_add(cell, strlen(text));
}

/* ---- log: lines ---- */

static uint64_t lines_in(const char* text, uint64_t size) {
  uint64_t lines = 0;
  for (uint64_t i = 0; i < size; ++i) lines += text[i] == '\n';
  return lines;
}

/* A message is a line at least, whatever its format leaves to its arguments. */
void __isobar_fuzz_lines_text(struct isobar_fuzz_cell* cell, const char* text) {
  if (isobar_epoch == 0 || text == NULL) return;
  const uint64_t lines = lines_in(text, strlen(text));
  __isobar_fuzz_cell_add(cell, lines > 0 ? lines : 1);
}
void __isobar_fuzz_lines_stream(struct isobar_fuzz_cell* cell, FILE* stream, const char* text) {
  if (stream == stdout || stream == stderr) __isobar_fuzz_lines_text(cell, text);
}
void __isobar_fuzz_lines_character(struct isobar_fuzz_cell* cell, FILE* stream, int character) {
  if (character == '\n' && (stream == stdout || stream == stderr || stream == NULL)) __isobar_fuzz_cell_add(cell, 1);
}
void __isobar_fuzz_lines_items(struct isobar_fuzz_cell* cell, FILE* stream, const char* bytes, uint64_t size, uint64_t items) {
  if (isobar_epoch == 0 || (stream != stdout && stream != stderr) || __builtin_mul_overflow(size, items, &size) || size == 0) return;
  const uint64_t lines = lines_in(bytes, size);
  __isobar_fuzz_cell_add(cell, lines > 0 ? lines : 1);
}
void __isobar_fuzz_lines_file(struct isobar_fuzz_cell* cell, int file, const char* bytes, uint64_t size) {
  if (isobar_epoch == 0 || (file != 1 && file != 2) || size == 0) return;
  const uint64_t lines = lines_in(bytes, size);
  __isobar_fuzz_cell_add(cell, lines > 0 ? lines : 1);
}
void __isobar_fuzz_lines_file_text(struct isobar_fuzz_cell* cell, int file, const char* text) {
  if (file == 1 || file == 2) __isobar_fuzz_lines_text(cell, text);
}
