package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

type exportCommand struct {
	client
	Dir   string   `help:"Write a file for each into this folder, KIND.NAME.yaml; standard output unless said." placeholder:"DIR"`
	Kind  string   `arg:"" optional:"" help:"Of this kind alone, such as journey."`
	Names []string `arg:"" optional:"" help:"These alone."`
}

// Run writes definitions as files that apply takes.
func (c *exportCommand) Run(ctx context.Context, s streams) error {
	api, kinds := c.in(s), definitionKinds()
	if c.Kind != "" {
		if !slices.Contains(kinds, c.Kind) {
			return fmt.Errorf("%q is no kind of definition: use %s", c.Kind, strings.Join(kinds, ", "))
		}
		kinds = []string{c.Kind}
	}
	if c.Dir != "" {
		if err := os.MkdirAll(c.Dir, 0o755); err != nil {
			return fmt.Errorf("write definitions: %w", err)
		}
	}
	first := true
	for _, kind := range kinds {
		names, err := c.names(ctx, api, kind)
		if err != nil {
			return err
		}
		for _, name := range names {
			text, err := api.exported(ctx, kind, name)
			if err != nil {
				return fmt.Errorf("%s %s: %w", kind, name, err)
			}
			if c.Dir != "" {
				if err := os.WriteFile(filepath.Join(c.Dir, kind+"."+name+".yaml"), text, 0o600); err != nil {
					return fmt.Errorf("write definitions: %w", err)
				}
				continue
			}
			if !first {
				fmt.Fprintln(s.out, "---")
			}
			first = false
			if _, err := s.out.Write(text); err != nil {
				return err
			}
		}
	}
	return nil
}

// names are those of a kind that are to be written.
func (c *exportCommand) names(ctx context.Context, api *client, kind string) ([]string, error) {
	if len(c.Names) > 0 {
		return c.Names, nil
	}
	var list struct{ Items []struct{ Name string } }
	if err := api.call(ctx, "GET", "/definitions?kind="+url.QueryEscape(kind), nil, &list); err != nil {
		return nil, err
	}
	var names []string
	for _, x := range list.Items {
		names = append(names, x.Name)
	}
	return names, nil
}

// exported is the newest version of a definition as a file of apply. It names the version, so that apply does not save it over
// what somebody else saved since.
func (c *client) exported(ctx context.Context, kind, name string) ([]byte, error) {
	d := &savedDefinition{}
	if err := c.call(ctx, "GET", definitionPath(kind, name), nil, d); err != nil {
		return nil, err
	}
	body, err := yamlOf(d.Body)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	err = encoder.Encode(struct {
		Kind    string     `yaml:"kind"`
		Name    string     `yaml:"name"`
		Version int64      `yaml:"version"`
		Body    *yaml.Node `yaml:"body"`
	}{kind, name, d.Version, body})
	return b.Bytes(), err
}

// yamlOf is JSON as YAML, its members in their order.
func yamlOf(text json.RawMessage) (*yaml.Node, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return yamlValue(dec)
}

func yamlValue(dec *json.Decoder) (*yaml.Node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{}
	switch x := token.(type) {
	case json.Delim:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		if x == '{' {
			n.Kind, n.Tag = yaml.MappingNode, "!!map"
		}
		for dec.More() { // the name of a member is a value too
			child, err := yamlValue(dec)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		if len(n.Content) == 0 {
			n.Style = yaml.FlowStyle
		}
		_, err = dec.Token()
		return n, err
	case string:
		n.SetString(x)
	case json.Number:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!float", x.String()
		if _, err := x.Int64(); err == nil {
			n.Tag = "!!int"
		}
	case bool:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!bool", fmt.Sprint(x)
	case nil:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!null", "null"
	}
	return n, nil
}
