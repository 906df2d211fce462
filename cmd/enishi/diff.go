package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sort"
	"strconv"
)

type diffCommand struct {
	client
	Paths []string `arg:"" help:"Definition files or folders of them."`
}

// Run prints what of the definitions differs from the server, by path. The server is not changed.
func (c *diffCommand) Run(ctx context.Context, s streams) error {
	api := c.in(s)
	all, err := readInOrder(c.Paths)
	if err != nil {
		return err
	}
	differ := 0
	for i := range all {
		d := &all[i]
		if err := d.prepare(ctx, s, all); err != nil {
			return err
		}
		now, err := api.saved(ctx, d.Kind, d.Name)
		if err != nil {
			return d.placed(fmt.Errorf("%s %s: %w", d.Kind, d.Name, err), s.japanese())
		}
		have, want, err := sides(now.Body, d.Body)
		if err != nil {
			return d.placed(fmt.Errorf("%s %s: %w", d.Kind, d.Name, err), s.japanese())
		}
		var lines []string
		if now.Version > 0 {
			compare("", have, want, func(line string) { lines = append(lines, line) })
		}
		if now.Version > 0 && len(lines) == 0 {
			continue
		}
		differ++
		printDifference(s, d, now, lines)
	}
	if differ > 0 {
		word := " definitions differ"
		if s.japanese() {
			word = " 件に違いがあります"
		} else if differ == 1 {
			word = " definition differs"
		}
		return exitError{errors.New(strconv.Itoa(differ) + word), 1}
	}
	return nil
}

func printDifference(s streams, d *definitionFile, now *savedDefinition, lines []string) {
	version, fresh := "version", "new"
	if s.japanese() {
		version, fresh = "版", "新規"
	}
	if now.Version == 0 {
		fmt.Fprintf(s.out, "%s %s (%s)\n", d.Kind, d.Name, fresh)
	} else {
		fmt.Fprintf(s.out, "%s %s (%s %d)\n", d.Kind, d.Name, version, now.Version)
	}
	for _, line := range lines {
		_, _ = io.WriteString(s.out, "  "+line+"\n")
	}
}

// compare tells where two JSON values differ: "+ path: new", "- path: old", "~ path: old -> new", by path.
func compare(path string, have, want any, tell func(line string)) {
	if reflect.DeepEqual(have, want) {
		return
	}
	a, isMap := have.(map[string]any)
	b, bothMaps := want.(map[string]any)
	if isMap && bothMaps {
		names := make([]string, 0, len(a)+len(b))
		for name := range a {
			names = append(names, name)
		}
		for name := range b {
			if _, ok := a[name]; !ok {
				names = append(names, name)
			}
		}
		sort.Strings(names)
		for _, name := range names {
			sub := name
			if path != "" {
				sub = path + "." + name
			}
			x, inA := a[name]
			y, inB := b[name]
			compareMember(sub, x, y, inA, inB, tell)
		}
		return
	}
	c, isList := have.([]any)
	d, bothLists := want.([]any)
	if isList && bothLists {
		for i := range max(len(c), len(d)) {
			var x, y any
			if i < len(c) {
				x = c[i]
			}
			if i < len(d) {
				y = d[i]
			}
			compareMember(path+"["+strconv.Itoa(i)+"]", x, y, i < len(c), i < len(d), tell)
		}
		return
	}
	tell("~ " + path + ": " + shown(have) + " -> " + shown(want))
}

func compareMember(path string, x, y any, inA, inB bool, tell func(line string)) {
	switch {
	case !inA:
		tell("+ " + path + ": " + shown(y))
	case !inB:
		tell("- " + path + ": " + shown(x))
	default:
		compare(path, x, y, tell)
	}
}

// maxShown bounds a value in a difference, in characters: a mail is longer than anybody reads in a terminal.
const maxShown = 200

func shown(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v) // it was read from JSON
	}
	if r := []rune(string(text)); len(r) > maxShown {
		return string(r[:maxShown]) + "… (" + strconv.Itoa(len(r)) + ")"
	}
	return string(text)
}
