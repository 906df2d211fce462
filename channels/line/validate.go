package line

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"enishi/channels"
)

// Validate asks LINE whether it would take these messages. It sends nothing and costs nothing. way is push or multicast.
// What LINE would not take comes back with its place in the messages; an error says that LINE could not be asked.
func (c *Channel) Validate(ctx context.Context, way string, messages json.RawMessage) ([]channels.Objection, error) {
	_, err := c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/message/validate/" + way, body: map[string]any{"messages": messages}}, nil)
	var r *Refusal
	if !errors.As(err, &r) || r.Status != http.StatusBadRequest && r.Status != http.StatusRequestEntityTooLarge {
		return nil, err
	}
	inside := ""
	if m := ofMessage.FindStringSubmatch(r.Message); m != nil {
		inside = m[1]
	}
	if len(r.Details) == 0 {
		return []channels.Objection{{Place: inside, Text: r.Message}}, nil
	}
	out := make([]channels.Objection, len(r.Details))
	for i, d := range r.Details {
		out[i] = channels.Objection{Place: placeOf(inside, d.Property), Text: d.Message}
	}
	return out, nil
}

// ofMessage finds which message an answer is about, when its details name places inside of it.
var ofMessage = regexp.MustCompile(`A message \((messages\[\d+\])\)`)

// placeOf is a property as a place in the array of messages. LINE writes messages[0].text for a plain field,
// template/actions/0/uri for one inside of a message, and /hero/url inside of a Flex container.
func placeOf(message, property string) string {
	switch {
	case property == "":
		return message
	case message == "" || strings.HasPrefix(property, "messages"):
		return property
	case !strings.Contains(property, "/"):
		return message + "." + property
	}
	at := message
	if strings.HasPrefix(property, "/") {
		at += ".contents"
	}
	for _, part := range strings.Split(strings.Trim(property, "/"), "/") {
		if _, err := strconv.Atoi(part); err == nil {
			at += "[" + part + "]"
		} else {
			at += "." + part
		}
	}
	return at
}
