package api

import (
	"context"
	"encoding/json"
	"regexp"
	"time"

	"enishi"
	"enishi/segments"
)

// StoreRow is a store in a list, and of its page a part: the names of what is embedded are exported, or their fields are not in the OpenAPI document.
type StoreRow struct {
	Name      string    `json:"name" doc:"Its id, as events have it."`
	Title     Text      `json:"title"`
	Located   bool      `json:"located" doc:"Where it is is known: distance(...) can be asked."`
	Version   int64     `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
	UsedIn    []string  `json:"used_in" doc:"Names of segments and journeys that ask for the distance to it."`
}

func (a *API) storeRow(d *enishi.Definition) StoreRow {
	b, err := segments.ParseStore(d.Body)
	return StoreRow{d.Name, definitionTitle(d), err == nil && b.Lat != nil, d.Version, d.At, a.takerNames(segments.KindStore, d.Name)}
}

func (a *API) listStores(ctx context.Context, _ *struct{}) (*listOutput[StoreRow], error) {
	out := listOf([]StoreRow{})
	for _, d := range a.cfg.Definitions.List(segments.KindStore) {
		out.Body.Items = append(out.Body.Items, a.storeRow(&d))
	}
	return out, nil
}

type storeOutput struct{ Body storePage }

// storePage is a store with its definition and versions.
type storePage struct {
	StoreRow
	Definition json.RawMessage `json:"definition"`
	History    []VersionRow    `json:"history"`
}

func (a *API) getStore(ctx context.Context, in *StorePath) (*storeOutput, error) {
	d, ok := a.cfg.Definitions.Current(segments.KindStore, in.Name)
	if !ok {
		return nil, notFound("store", "店舗")
	}
	return &storeOutput{storePage{a.storeRow(&d), d.Body, a.versions(segments.KindStore, in.Name)}}, nil
}

type storeInput struct {
	StorePath
	Body struct {
		Definition json.RawMessage `json:"definition" doc:"title (ja, en), zip, prefecture, address, lat and lon in degrees, hours"`
		Expect     int64           `json:"expect" doc:"The version this replaces; 0 for a new one."`
		Reason     string          `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) saveStore(ctx context.Context, in *storeInput) (*writtenOutput, error) {
	if err := checkNameOf(segments.KindStore, in.Name); err != nil {
		return nil, err
	}
	w, err := a.putStore(ctx, in.Name, in.Body.Definition, in.Body.Expect, in.Body.Reason)
	return &writtenOutput{w}, err
}

// putStore saves a store. Where it is acts in every segment that asks for the distance to it.
func (a *API) putStore(ctx context.Context, name string, body json.RawMessage, expect int64, reason string) (Written, error) {
	if _, err := segments.ParseStore(body); err != nil {
		return Written{}, err
	}
	return a.save(ctx, enishi.Definition{Kind: segments.KindStore, Name: name, Expect: expect, Body: compact(body), Reason: reason})
}

type deleteStoreInput struct {
	StorePath
	Expect int64  `query:"expect" default:"-1" doc:"The version to delete; -1 for whatever it is."`
	Reason string `query:"reason" maxLength:"500"`
}

func (a *API) deleteStore(ctx context.Context, in *deleteStoreInput) (*writtenOutput, error) {
	if _, ok := a.cfg.Definitions.Current(segments.KindStore, in.Name); !ok {
		return nil, notFound("store", "店舗")
	}
	if err := a.checkUntaken(segments.KindStore, in.Name); err != nil {
		return nil, err
	}
	w, err := a.save(ctx, enishi.Definition{Kind: segments.KindStore, Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}

// storeID is what a store may be called: shops have numbered theirs long before.
var storeID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

func checkNameOf(kind, name string) error {
	if kind != segments.KindStore {
		return checkName(name)
	}
	if !storeID.MatchString(name) {
		return enishi.FieldError("path.name", "a store's id has up to 64 letters, digits, _ . and -", "店舗 ID は半角の英数字・_・.・- の 64 文字以内にしてください。")
	}
	return nil
}
