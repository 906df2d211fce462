package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"enishi"
	"enishi/journeys"
)

// placed says of an error where in the file it is: FILE:LINE before each thing that is wrong. What came from no file stays as it is.
func (d *definitionFile) placed(err error, japanese bool) error {
	if err == nil || d.file == "" {
		return err
	}
	var list journeys.Problems
	var one *enishi.Error
	var refused *refusedError
	var lines []string
	add := func(path, text string) {
		lines = append(lines, fmt.Sprintf("%s:%d: %s %s: %s", d.file, d.line(path), d.Kind, d.Name, text))
	}
	say := func(e *enishi.Error) {
		if japanese && e.MsgJA != "" {
			add(e.Field, e.MsgJA)
			return
		}
		add(e.Field, e.Msg)
	}
	switch {
	case errors.As(err, &list):
		for _, e := range list {
			say(e)
		}
	case errors.As(err, &one) && one.Line == 0:
		say(one)
	case errors.As(err, &refused) && len(refused.at) > 0:
		add(refused.at[0], refused.text)
	default: // a line within a text, such as a template's, is told by the error itself
		return fmt.Errorf("%s:%d: %w", d.file, d.line(""), err)
	}
	return errors.New(strings.Join(lines, "\n"))
}

// line is where the value at a path of the body ("nodes.a.next", "exit_on[0].event") begins, or what is nearest around it; from 1.
func (d *definitionFile) line(path string) int {
	at, line := inside(d.node, "body")
	path = strings.NewReplacer("[", ".", "]", "").Replace(path)
	for name := range strings.SplitSeq(path, ".") {
		next, l := inside(at, name)
		if next == nil {
			break
		}
		at, line = next, l
	}
	return max(line, d.node.Line)
}

// lineOf is where a member beside the body stands; from 1.
func (d *definitionFile) lineOf(name string) int {
	_, line := inside(d.node, name)
	return max(line, d.node.Line)
}

// inside is the member of a mapping, or the element of a sequence, with the line where it begins.
func inside(n *yaml.Node, name string) (*yaml.Node, int) {
	switch {
	case n == nil:
	case n.Kind == yaml.AliasNode:
		return inside(n.Alias, name)
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				return n.Content[i+1], n.Content[i].Line
			}
		}
	case n.Kind == yaml.SequenceNode:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i].Line
		}
	}
	return nil, 0
}
