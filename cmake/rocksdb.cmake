# RocksDB as an archive, with what it compresses by, so that the programs run where none of them is.
find_library(ROCKSDB_STATIC librocksdb.a REQUIRED)
find_library(SNAPPY_STATIC libsnappy.a REQUIRED)
find_library(BZ2_STATIC libbz2.a REQUIRED)
find_library(Z_STATIC libz.a REQUIRED)
isobar_library(rocksdb "${ROCKSDB_STATIC};${SNAPPY_STATIC};${BZ2_STATIC};${Z_STATIC};isobar_zstd;isobar_lz4" rocksdb)
