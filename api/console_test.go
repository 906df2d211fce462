package api

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// consoleTypes pairs the console's interfaces with the schemas of the answers they describe.
var consoleTypes = map[string]string{
	"Session": "SessionPage", "Alert": "AlertRow", "Home": "HomePage", "LiveEvent": "LiveEvent", "PersonRow": "PersonRow", "Order": "OrderRow", "Person": "PersonPage", "TimelineItem": "TimelineItem",
	"Decision": "DecisionRow", "Segment": "SegmentRow", "Preview": "PreviewPage", "JourneyRow": "JourneyRow", "Journey": "JourneyPage", "JourneyPeople": "StandingPage", "OutboxRow": "OutboxRow",
	"OutboxMessage": "OutboxMessage", "DeadLetter": "DeadRow", "RevenuePoint": "RevenuePoint", "Revenue": "Revenue", "Funnel": "Funnel",
}

// TestConsoleTypes: every member that the console reads is one that the API sends, down to the innermost object.
func TestConsoleTypes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../web/src/types.ts")
	if err != nil {
		t.Skip(err)
	}
	w := theWorld(t)
	schemas := w.api.huma.OpenAPI().Components.Schemas
	interfaces := map[string]string{}
	for part := range strings.SplitSeq(string(text), "export interface ") {
		name, body, ok := strings.Cut(part, "{")
		if ok {
			interfaces[regexp.MustCompile(`^\w+`).FindString(name)] = "{" + strings.TrimSpace(body)
		}
	}
	for name, schema := range consoleTypes {
		body, ok := interfaces[name]
		if !ok {
			t.Errorf("the console has no interface %s", name)
			continue
		}
		s := schemas.Map()[schema]
		if s == nil {
			t.Errorf("there is no schema %s", schema)
			continue
		}
		compare(t, schemas, name, body, s)
	}
}

// compare checks the members of a TypeScript object type against a schema.
func compare(t *testing.T, schemas huma.Registry, where, body string, s *huma.Schema) {
	t.Helper()
	if s.Ref != "" {
		s = schemas.SchemaFromRef(s.Ref)
	}
	for s.Type == huma.TypeArray {
		if s = s.Items; s.Ref != "" {
			s = schemas.SchemaFromRef(s.Ref)
		}
	}
	for key, typ := range typeMembers(body) {
		p := s.Properties[key]
		if p == nil {
			t.Errorf("the console reads %s.%s, which is not sent", where, key)
			continue
		}
		if strings.HasPrefix(typ, "{") && key != "definition" { // a definition is whatever its author wrote
			compare(t, schemas, where+"."+key, typ, p)
		}
	}
}

// typeMembers splits "{ a: x; b?: { c: y }[] }" into its members at the outer level.
func typeMembers(body string) map[string]string {
	out := map[string]string{}
	depth, key, start := 0, "", 1
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '{' || c == '<' || c == '(':
			depth++
		case c == '>' && i > 0 && body[i-1] == '=': // an arrow
		case c == '}' || c == '>' || c == ')':
			if depth--; depth == 0 && key != "" {
				out[key] = strings.TrimSpace(body[start:i])
			}
		case c == ':' && depth == 1 && key == "":
			key, start = strings.Trim(body[start:i], " \n\t?"), i+1
		case (c == ';' || c == '\n') && depth == 1:
			if key != "" {
				out[key] = strings.TrimSpace(body[start:i])
			}
			key, start = "", i+1
		}
	}
	return out
}
