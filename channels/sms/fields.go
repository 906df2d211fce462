package sms

import (
	"strings"

	"enishi"
)

// ParseFields reads the names of an aggregator's fields, each as OURS=THEIRS: path, to, text, from, reference, id, result, error, reply
// and sender are names; delivered, dead and stopped are values, separated by "|"; service is members that each call has, as
// NAME=VALUE separated by "|".
func ParseFields(pairs []string) (Fields, error) {
	var f Fields
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		at := map[string]*string{"path": &f.Path, "to": &f.To, "text": &f.Text, "from": &f.From, "reference": &f.Reference, "service": &f.Service, "id": &f.ID, "result": &f.Result,
			"error": &f.Error, "reply": &f.Reply, "sender": &f.Sender, "delivered": &f.Delivered, "dead": &f.Dead, "stopped": &f.Stopped}[strings.TrimSpace(name)]
		if !ok || at == nil || strings.TrimSpace(value) == "" {
			return f, enishi.FieldError("fields", "has "+pair+": each is OURS=THEIRS, such as to=mobilenumber; ours are path, to, text, from, reference, service, id, result, error, reply, sender, delivered, dead and stopped",
				"「"+pair+"」は to=mobilenumber のように「こちらの名前=相手の名前」の形で書いてください")
		}
		*at = strings.TrimSpace(value)
	}
	return f, nil
}
