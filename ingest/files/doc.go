// Package files reads the files that shops have: CSV and TSV as Excel and Japanese systems write them, and JSON line by line.
//
// A file may be compressed (gzip, or a zip with one file). Its encoding (UTF-8 with or without a byte order mark, UTF-16 with
// one, CP932, EUC-JP), separator and header row are recognised, and can be said. Memory does not grow with the file: a row has
// at most a megabyte, and a quote that is never closed spoils its own line only. Each row has the number of its line in the
// file, as a person counts.
package files
