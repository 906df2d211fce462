package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// compileMJML runs in Node: the compiler of the console first, else the one for Node.
const compileMJML = `globalThis.window = globalThis
let source = ""
process.stdin.on("data", d => source += d).on("end", async () => {
  let mjml
  for (const name of ["mjml-browser", "mjml"]) try { mjml = require(name); break } catch (e) { if (e.code !== "MODULE_NOT_FOUND") throw e }
  if (!mjml) process.exit(42)
  try {
    const out = await (mjml.default || mjml)(source, { validationLevel: "strict" })
    process.stdout.write(out.html)
  } catch (e) {
    process.stderr.write((e.errors || [e]).map(x => x.formattedMessage || x.message).join("\n"))
    process.exit(1)
  }
})`

// withHTML makes the HTML of variants that have MJML only. Without Node and a compiler nothing is made: the check says then
// what to do.
func (d *definitionFile) withHTML(ctx context.Context) error {
	if d.Kind != "template" && d.Kind != "block" {
		return nil
	}
	body, _ := d.Body.(map[string]any)
	variants, _ := body["variants"].(map[string]any)
	for lang, v := range variants {
		variant, _ := v.(map[string]any)
		source, _ := variant["source"].(map[string]any)
		mjml, _ := source["mjml"].(string)
		if html, _ := variant["html"].(string); source["kind"] != "mjml" || mjml == "" || html != "" {
			continue
		}
		html, err := htmlOf(ctx, mjml)
		if err != nil {
			return fmt.Errorf("%s %s: variants.%s.source.mjml: %w", d.Kind, d.Name, lang, err)
		}
		if html != "" {
			variant["html"] = html
		}
	}
	return nil
}

// htmlOf compiles MJML; "" when there is no compiler at hand.
func htmlOf(ctx context.Context, mjml string) (string, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return "", nil
	}
	cmd := exec.CommandContext(ctx, node, "-e", compileMJML) // packages are looked for from the working directory
	var out, problem bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(mjml), &out, &problem
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 42:
		return "", nil
	case err != nil && problem.Len() > 0 && problem.Len() < 4<<10: // longer: not about the MJML
		return "", errors.New(strings.TrimSpace(problem.String()))
	case err != nil:
		return "", fmt.Errorf("compile MJML: %w", err)
	}
	return out.String(), nil
}
