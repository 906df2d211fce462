package channels

// testMark is what tells a test from the message itself.
const testMark = "[TEST]"

// markTest marks LINE messages: by a text of its own before them, or where five leave no room for one, within the first
// that can say it. Five that can say nothing stay as they are.
func markTest(list []any) []any {
	if len(list) < maxLineMessages {
		return append([]any{map[string]any{"type": "text", "text": testMark}}, list...)
	}
	for _, x := range list {
		m, ok := x.(map[string]any)
		if !ok || m["emojis"] != nil || m["substitution"] != nil { // their places in the text would be others
			continue
		}
		for _, field := range [...]string{"text", "altText"} {
			if s, ok := m[field].(string); ok {
				m[field] = testMark + " " + s
				return list
			}
		}
	}
	return list
}
