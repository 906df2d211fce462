package api

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"enishi"
)

// Precondition is the header of a save that replaces a version only if it is still the one that was read.
type Precondition struct {
	IfMatch string `json:"if_match,omitempty" header:"If-Match" maxLength:"1000" doc:"The ETag that was read: the save is 412 when the version is another by now. * is any version. With it expect may be left out." example:"\"7\""`
}

// etag is a version as RFC 9110 writes a strong validator of a definition.
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// tagPattern is one entity tag; a weak one never matches here.
var tagPattern = regexp.MustCompile(`^(W/)?"[^"]*"$`)

// replaced runs a save under its precondition: save gets the version that it has to replace.
func (a *API) replaced(kind, name string, when Precondition, expect int64, save func(expect int64) (*writtenOutput, error)) (*writtenOutput, error) {
	if when.IfMatch == "" {
		return save(expect)
	}
	tags := strings.Split(when.IfMatch, ",")
	for i := range tags {
		if tags[i] = strings.TrimSpace(tags[i]); tags[i] != "*" && !tagPattern.MatchString(tags[i]) {
			return nil, enishi.FieldError("header.If-Match", `is written as "7", with its quotes, as the ETag of a read has it`, `読み込んだときの ETag のとおり、"7" のように引用符を付けて指定してください。`)
		}
	}
	fits := func() (int64, bool) {
		d, ok := a.cfg.Definitions.Current(kind, name)
		return d.Version, ok && (slices.Contains(tags, "*") || slices.Contains(tags, etag(d.Version)))
	}
	version, ok := fits()
	if !ok {
		return nil, notMatched()
	}
	if expect <= 0 { // it was left out
		expect = version
	}
	out, err := save(expect)
	if _, still := fits(); enishi.ErrorCode(err) == enishi.Conflict && !still { // somebody else was faster
		return nil, notMatched()
	}
	return out, err
}

// notMatched is 412: what was read is not what is there.
func notMatched() *problem {
	p := ofError(refusal(enishi.Conflict, "the version is not the one of If-Match: load it and try again", "If-Match の版は最新ではありません。読み込み直してからやり直してください。"))
	p.Status, p.Title = http.StatusPreconditionFailed, titleOfProblem(http.StatusPreconditionFailed)
	return p
}
