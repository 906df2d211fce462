package main

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"enishi"
	"enishi/internal/pipeline"
	"enishi/profiles"
)

// cloneRows copies an insert. With a salt other than 0 the rows are about other people: their ids differ, so that rows of
// different slices stay apart, as they do in the product.
func cloneRows(r *pipeline.Rows, salt byte) *pipeline.Rows {
	out := &pipeline.Rows{Tables: make([]profiles.Table, len(r.Tables)), Due: slices.Clone(r.Due), States: slices.Clone(r.States), Markers: slices.Clone(r.Markers)}
	for i, t := range r.Tables {
		cols := make([]any, len(t.Cols))
		for c, col := range t.Cols {
			if salt != 0 && isKey(t.Columns[c]) {
				cols[c] = salted(col, salt)
			} else {
				cols[c] = cloneColumn(col)
			}
		}
		t.Cols = cols
		out.Tables[i] = t
	}
	for i := range out.Due {
		out.Due[i].ID[1] ^= salt
	}
	for i := range out.States {
		out.States[i].ID[1] ^= salt
		out.States[i].Bytes = strings.Clone(out.States[i].Bytes)
	}
	return out
}

// isKey tells the columns that a table is ordered by and that name a person, a run or a message.
func isKey(column string) bool {
	return column == "profile_id" || column == "subject" || column == "run_id" || column == "send_id"
}

// salted changes the second byte of ids; by the first, people are spread over sweeps.
func salted(col any, salt byte) any {
	switch col := col.(type) {
	case []enishi.ID:
		out := slices.Clone(col)
		for i := range out {
			out[i][1] ^= salt
		}
		return out
	case []string:
		var b strings.Builder
		for _, s := range col {
			b.WriteByte(s[0])
			b.WriteByte(s[1] ^ salt)
			b.WriteString(s[2:])
		}
		all, out, at := b.String(), make([]string, len(col)), 0
		for i, s := range col {
			out[i] = all[at : at+len(s)]
			at += len(s)
		}
		return out
	}
	return cloneColumn(col)
}

// cloneColumn copies a column, its texts included.
func cloneColumn(col any) any {
	switch col := col.(type) {
	case []string:
		n := 0
		for _, s := range col {
			n += len(s)
		}
		var b strings.Builder
		b.Grow(n)
		for _, s := range col {
			b.WriteString(s)
		}
		all, out, at := b.String(), make([]string, len(col)), 0
		for i, s := range col {
			out[i] = all[at : at+len(s)]
			at += len(s)
		}
		return out
	case []map[string]string:
		out := make([]map[string]string, len(col))
		for i := range col {
			out[i] = maps.Clone(col[i])
		}
		return out
	case []int64:
		return slices.Clone(col)
	case []uint64:
		return slices.Clone(col)
	}
	v := reflect.ValueOf(col)
	return reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v).Interface()
}
