#!/bin/sh
# The ten most frequent words of a file.
tr -cs '[:alpha:]' '\n' <"$1" | tr '[:upper:]' '[:lower:]' | sort | uniq -c | sort -rn | head -n 10 | tee top_words.txt
