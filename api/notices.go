package api

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"enishi"
	"enishi/journeys"
)

// checkNotices refuses to let LINE's notification messages go live whose template is an advertisement, or that LINE has not
// approved for the account: the sender would not let them leave. body finds a template.
func (a *API) checkNotices(definition []byte, body func(name string) ([]byte, bool)) error {
	var def struct {
		Accounts map[string]string         `json:"accounts"`
		Nodes    map[string]*journeys.Node `json:"nodes"`
	}
	if err := json.Unmarshal(definition, &def); err != nil {
		return err
	}
	account := def.Accounts["line"]
	if account == "" {
		account, _ = a.journeySettings().Destination("line", "transactional", "")
	}
	var problems []error
	for _, id := range slices.Sorted(maps.Keys(def.Nodes)) {
		n := def.Nodes[id]
		if !slices.Contains(n.Channels, enishi.NoticeChannel) {
			continue
		}
		name := n.Templates[enishi.NoticeChannel]
		problem := func(en, ja string) {
			problems = append(problems, enishi.FieldError("nodes."+id+".templates."+enishi.NoticeChannel, en, ja))
		}
		if b, ok := body(name); ok {
			var t struct {
				Purpose string `json:"purpose"`
			}
			if json.Unmarshal(b, &t) == nil && t.Purpose != "transactional" {
				problem("a LINE notification message is for order and shipping notices only: the template "+name+" must be transactional",
					"LINE 通知メッセージで送れるのは、注文や配送のお知らせだけです。テンプレート「"+name+"」の目的を「お知らせ」にしてください。")
			}
		}
		if a.cfg.LINE == nil {
			continue
		}
		if o, ok := a.cfg.LINE.Get(account); !ok {
			problem("there is no LINE account "+account, "LINE アカウント「"+account+"」がありません。")
		} else if !o.NoticeApproved(name) {
			problem("LINE has not approved the template "+name+" as a notification message of the account "+account+": apply to LINE, then name the template under notices in the setting line",
				"テンプレート「"+name+"」は、アカウント「"+account+"」の LINE 通知メッセージとして承認されていません。LINE の審査を受けたあと、設定 line の notices にテンプレート名を書いてください。")
		}
	}
	return errors.Join(problems...)
}
