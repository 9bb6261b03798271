/* A packet of a small protocol, with a fault behind a magic number, a length and a checksum: nothing that chance finds.
   isobar-cc -O2 -fsanitize=address packet.c -o packet; isobar fuzz run ./packet --for 10s; isobar fuzz triage ./packet */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct packet {
  uint32_t magic;
  uint16_t kind, length;
  uint32_t checksum; /* of what follows */
};

static uint32_t checksum_of(const uint8_t* data, size_t size) {
  uint32_t sum = 2166136261u;
  for (size_t i = 0; i < size; ++i) sum = (sum ^ data[i]) * 16777619u;
  return sum;
}

static char name[16];

static int set_name(const uint8_t* text, size_t size) {
  memcpy(name, text, size); /* the fault: a length that the sender chose */
  return name[0] == '/' && name[size - 1] == '/';
}

static int handle(const uint8_t* data, size_t size) {
  struct packet packet;
  if (size < sizeof packet) return -1;
  memcpy(&packet, data, sizeof packet);
  const uint8_t* body = data + sizeof packet;
  const size_t left = size - sizeof packet;
  if (packet.magic != 0x1b0ba12e || packet.length > left) return -1;
  if (packet.checksum != checksum_of(body, packet.length)) return -1;
  switch (packet.kind) {
    case 1: return 0;
    case 7: return packet.length > 5 && memcmp(body, "name=", 5) == 0 ? set_name(body + 5, packet.length - 5u) : 0;
    default: return -1;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static volatile int answer; /* or the compiler finds that nobody wants to know */
  answer = handle(data, size);
  return 0;
}
