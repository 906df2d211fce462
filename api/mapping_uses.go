package api

import (
	"context"
	"slices"
	"strings"

	"enishi"
	"enishi/ingest/imports"
	"enishi/ingest/mapping"
	"enishi/ingest/pulls"
)

// mappingUse is something that reads by a mapping.
type mappingUse struct {
	Kind  string `json:"kind" enum:"source,pull,import" doc:"A source of the configuration, a scheduled pull of files, or an import that has not ended."`
	Name  string `json:"name" doc:"Of an import its id."`
	Title Text   `json:"title"`
}

// mappingUses are those of a mapping of the workspace.
func (a *API) mappingUses(name string) []mappingUse {
	out := []mappingUse{}
	for _, c := range a.cfg.Connections {
		if c.Mapping == name {
			out = append(out, mappingUse{"source", c.Name, Text{c.Name, c.Name}})
		}
	}
	for _, d := range a.cfg.Definitions.List(pulls.Kind) {
		if p, err := pulls.Parse(d.Body); err == nil && p.Mapping == name {
			title := titleText(p.Title)
			if title == (Text{}) {
				title = Text{d.Name, d.Name}
			}
			out = append(out, mappingUse{"pull", d.Name, title})
		}
	}
	if a.cfg.Imports == nil {
		return out
	}
	for _, j := range a.cfg.Imports.List() {
		if j.Plan.Mapping == name && !slices.Contains([]string{imports.Done, imports.Cancelled, imports.Failed}, j.State) {
			out = append(out, mappingUse{"import", j.ID.String(), Text{j.Name, j.Name}})
		}
	}
	return out
}

// deleteMapping refuses while something uses the mapping that the caller has not been shown, and while a file is being taken in by it.
func (a *API) deleteMapping(ctx context.Context, in *deleteInput) (*writtenOutput, error) {
	if _, ok := a.cfg.Definitions.Current(mapping.Kind, in.Name); !ok {
		return nil, notFound("mapping", "対応づけ")
	}
	seen := strings.Split(in.UsedBy, ",")
	var en, ja, names []string
	for _, u := range a.mappingUses(in.Name) {
		if u.Kind == "import" && a.importing(u.Name) {
			return nil, refusal(enishi.Conflict, "the file "+u.Title.EN+" is being read by it: wait until the import has ended, or cancel it", "「"+u.Title.JA+"」をこの対応づけで取り込んでいます。取り込みが終わるのを待つか、中止してから削除してください。")
		}
		if !slices.Contains(seen, u.Name) {
			en, ja, names = append(en, u.Kind+" "+u.Title.EN), append(ja, "「"+u.Title.JA+"」"), append(names, u.Name)
		}
	}
	if len(names) > 0 {
		return nil, refusal(enishi.Conflict, "it is used by "+strings.Join(en, ", ")+"; to delete it all the same give used_by="+strings.Join(names, ","),
			strings.Join(ja, "")+"で使われています。それでも削除するには、使用先を確認してから削除してください。")
	}
	w, err := a.save(ctx, enishi.Definition{Kind: mapping.Kind, Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}

// importing: a file is being gone through.
func (a *API) importing(id string) bool {
	return slices.ContainsFunc(a.cfg.Imports.List(), func(j imports.Job) bool {
		return j.ID.String() == id && (j.State == imports.Checking || j.State == imports.Running)
	})
}
