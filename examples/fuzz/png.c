/* Reads a PNG from memory, whatever is wrong with it: a check sum that does not fit stops nobody. */
#include <png.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct input {
  const uint8_t* data;
  size_t left;
};

static void take(png_structp png, png_bytep to, png_size_t size) {
  struct input* input = png_get_io_ptr(png);
  if (size > input->left) png_error(png, "the input ends");
  memcpy(to, input->data, size);
  input->data += size;
  input->left -= size;
}
static void say_nothing(png_structp png, png_const_charp text) { (void)png, (void)text; }
static void give_up(png_structp png, png_const_charp text) {
  (void)text;
  png_longjmp(png, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 8 || png_sig_cmp(data, 0, 8)) return 0;
  struct input input = {data, size};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, give_up, say_nothing);
  if (png == NULL) return 0;
  png_infop info = png_create_info_struct(png);
  png_bytep volatile row = NULL;
  if (info != NULL && !setjmp(png_jmpbuf(png))) {
    png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    png_set_read_fn(png, &input, take);
    png_read_info(png, info);
    png_set_gray_to_rgb(png);
    png_set_expand(png);
    png_set_packing(png);
    png_set_scale_16(png);
    png_set_tRNS_to_alpha(png);
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    /* A larger image takes longer and shows no more. */
    const uint32_t height = png_get_image_height(png, info);
    if ((uint64_t)height * png_get_rowbytes(png, info) < 1u << 22) {
      row = malloc(png_get_rowbytes(png, info));
      for (int pass = 0; pass < passes && row != NULL; ++pass)
        for (uint32_t y = 0; y < height; ++y) png_read_row(png, row, NULL);
      png_read_end(png, info);
    }
  }
  free(row);
  png_destroy_read_struct(&png, &info, NULL);
  return 0;
}
