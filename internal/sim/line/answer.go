package line

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// answer is what a call is answered with; it exists as a value so that a fault
// can replace or mutilate it after the work is done.
type answer struct {
	status int
	header map[string]string
	body   any
}

type sentMessage struct {
	ID         string `json:"id"`
	QuoteToken string `json:"quoteToken,omitempty"`
}

// problem is the body of every error answer.
type problem struct {
	Message string        `json:"message"`
	Details []detail      `json:"details,omitempty"`
	Sent    []sentMessage `json:"sentMessages,omitempty"`
}

func ok(body any) *answer { return &answer{status: http.StatusOK, body: body} }

func refuse(status int, message string, details ...detail) *answer {
	return &answer{status: status, body: problem{Message: message, Details: details}}
}

// bodyErrors is the answer to faults in plain fields.
func bodyErrors(details []detail) *answer {
	return refuse(http.StatusBadRequest, fmt.Sprintf("The request body has %d error(s)", len(details)), details...)
}

// badField is the answer to a field of the wrong JSON type or an ill-formed id;
// LINE does not fill in line and column.
func badField(field string) *answer {
	return refuse(http.StatusBadRequest, fmt.Sprintf("The property, %s, in the request body is invalid (line: -, column: -)", field))
}

func badParameter(name string) *answer {
	return refuse(http.StatusBadRequest, fmt.Sprintf("The value for the '%s' parameter is invalid", name))
}

// unparsable is the answer to a body that is no JSON.
func unparsable(body []byte, err error) *answer {
	row, column := "-", "-"
	if syntax, ok := err.(*json.SyntaxError); ok {
		seen := body[:min(int(syntax.Offset), len(body))]
		row = fmt.Sprint(1 + bytes.Count(seen, []byte("\n")))
		column = fmt.Sprint(len(seen) - 1 - bytes.LastIndexByte(seen, '\n'))
	}
	return refuse(http.StatusBadRequest, fmt.Sprintf("The request body could not be parsed as JSON (line: %s, column: %s)", row, column))
}

// render gives the answer's bytes and sets its headers.
func (a *answer) render(h http.Header, requestID string) []byte {
	h.Set("X-Line-Request-Id", requestID)
	for k, v := range a.header {
		h.Set(k, v)
	}
	body, err := json.Marshal(a.body)
	if err != nil { // only our own types reach this
		a.status, body = http.StatusInternalServerError, []byte(`{"message":"`+http.StatusText(500)+`"}`)
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", fmt.Sprint(len(body)))
	return body
}
