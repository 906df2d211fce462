package enishi

import "strings"

// How a message of the channel social finds its person, as the beginning of [Message.To]. Without any it is the page-scoped
// id alone, and the window is open until [Message.NotAfter].
const (
	// SocialByToken: the rest is the token of an opt-in to marketing messages (notification_messages_token).
	SocialByToken = "token:"
	// SocialOutside: the rest is the page-scoped id of somebody whose window is closed. Only what the platform permits then may
	// leave: a tag, a utility template.
	SocialOutside = "outside:"
)

// SocialAddress parts To of a message of the channel social: how it goes ([SocialByToken], [SocialOutside] or empty), and to
// whom.
func SocialAddress(to string) (how, id string) {
	for _, how := range [...]string{SocialByToken, SocialOutside} {
		if rest, ok := strings.CutPrefix(to, how); ok {
			return how, rest
		}
	}
	return "", to
}
