// Command gen writes AppendWire and ParseWire for structs whose fields are tagged `wire:"N"`. Run it in the package's
// directory:
//
//	//go:generate go run enishi/internal/wire/gen -types Event,Order -out wire_gen.go
//
// Every struct of the package that is reached must be named in -types or have both methods by hand. Tagged fields may be
// exported or not, embedded or not; untagged ones are not encoded. See package wire for the format.
//
//	`wire:"N"`         bool, integers, float64, string, []byte, [K]byte, time.Time, time.Duration and types named after
//	                   them; structs; pointers to these; slices of these; maps from strings to these
//	`wire:"N,fixed"`   64-bit integers (alone or in a slice or map) as 8 bytes: smaller than a varint for hashes
//	_ struct{} `wire:"N"`   N is taken: the number of a removed field
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	err := run(os.Args[1:], ".", os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "wire/gen:", err)
		os.Exit(1)
	}
}

// run generates for the package in dir and writes the file if its content changes.
func run(args []string, dir string, usage io.Writer) error {
	types, out, err := parseArgs(args, usage)
	if err != nil {
		return err
	}
	src, err := generate(dir, types, out)
	if err != nil {
		return err
	}
	out = filepath.Join(dir, out)
	old, err := os.ReadFile(out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && bytes.Equal(old, src) {
		return nil
	}
	return os.WriteFile(out, src, 0o666)
}

func parseArgs(args []string, usage io.Writer) (types []string, out string, err error) {
	flags := flag.NewFlagSet("gen", flag.ContinueOnError)
	flags.SetOutput(usage)
	list := flags.String("types", "", "comma-separated names of structs of the package in the current directory")
	flags.StringVar(&out, "out", "wire_gen.go", "file to write, in the current directory")
	if err := flags.Parse(args); err != nil {
		return nil, "", err
	}
	for name := range strings.SplitSeq(*list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			types = append(types, name)
		}
	}
	if len(types) == 0 || flags.NArg() > 0 {
		return nil, "", errors.New("usage: gen -types Event,Order -out wire_gen.go")
	}
	return types, out, nil
}
