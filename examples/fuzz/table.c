/* A hash table whose hash is easy to fool: as many keys in one bucket as the input is long make it quadratic.
   isobar-cc --domain-file collisions.domain table.c -o table; isobar fuzz run ./table corpus */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BUCKETS 64u
#define ENTRIES 1024u

struct table {
  uint16_t first[BUCKETS], next[ENTRIES], used;
  uint8_t key[ENTRIES][4];
};

/* Looks at one entry of a bucket. */
static int probe(const struct table* table, unsigned bucket, unsigned entry, const uint8_t* key) {
  (void)bucket;
  return memcmp(table->key[entry], key, 4) == 0;
}

/* 1: it was there. 2: there is no room. */
static int put(struct table* table, const uint8_t* key) {
  const unsigned bucket = (key[0] * 31u + key[1] * 7u + key[2] * 3u + key[3]) % BUCKETS;
  for (unsigned entry = table->first[bucket]; entry != 0; entry = table->next[entry])
    if (probe(table, bucket, entry, key)) return 1;
  if (table->used + 1u == ENTRIES) return 2;
  const unsigned entry = ++table->used;
  memcpy(table->key[entry], key, 4);
  table->next[entry] = table->first[bucket];
  table->first[bucket] = (uint16_t)entry;
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static struct table table;
  memset(&table, 0, sizeof table);
  for (size_t at = 0; at + 4 <= size; at += 4) put(&table, data + at);
  return 0;
}
