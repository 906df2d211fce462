// Package file writes audiences as files: one for each audience, of everybody in it, whole and in place of the one before.
//
// Two kinds. A table ([CSV], [Parquet]) for whoever has no interface of ours: one row for each person, columns as in [Columns]. And what the audience manager of LINE Ads
// takes ([LINEAds]), which somebody uploads there by hand: one file for each kind of identifier, no header, one hash on a line, at most 60 MB
// (www.linebiz.com/jp/manual/line-ads/tracking_011).
//
// Somebody who left is not in the next file. What the receiver has of the files before, only the receiver can delete.
package file

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/parquet-go/parquet-go"

	"enishi"
	"enishi/internal/place"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// Formats of files.
const (
	CSV     = "csv"
	Parquet = "parquet"
	LINEAds = "line_ads"
)

// Config is where files go.
type Config struct {
	Place  *place.Place
	Folder string // within the place; empty: its top
	Format string
}

// Platform writes files to one folder.
type Platform struct {
	audiences.Lists
	cfg  Config
	rows int // of a file of LINE Ads at most
}

// linesOfLINE is how many lines of 65 bytes LINE Ads takes in a file of hashes: 60 MB.
const linesOfLINE = 60_000_000 / 65

// New makes no call.
func New(cfg Config) (*Platform, error) {
	cfg.Folder = strings.Trim(cfg.Folder, "/")
	if cfg.Folder != "" && !fs.ValidPath(cfg.Folder) {
		return nil, fmt.Errorf("folder: %q is no path within the place, such as audiences", cfg.Folder)
	}
	if cfg.Place == nil || !slices.Contains([]string{CSV, Parquet, LINEAds}, cfg.Format) {
		return nil, errors.New("format: give csv or parquet")
	}
	return &Platform{cfg: cfg, rows: linesOfLINE}, nil
}

// Facts of files.
func (p *Platform) Facts() audiences.Facts {
	if p.cfg.Format == LINEAds {
		return audiences.Facts{Platform: match.LINEAds, Batch: 50_000, Removal: true, ByHand: true, Expires: recorded}
	}
	return audiences.Facts{Platform: match.File, Batch: 50_000, Removal: true, Values: true, Expires: recorded}
}

// recorded is how long a record of somebody stands for the files that have them: the law asks for three years from the last of them (個人情報保護法施行規則 21 条), and a record
// is kept for three years.
const recorded = 365 * 24 * time.Hour

// Create gives the name of the file, of LINE Ads that of a folder. A file is there once it is written.
func (p *Platform) Create(_ context.Context, spec *audiences.Spec) (string, error) {
	return path.Join(p.cfg.Folder, spec.Audience) + p.suffix(), nil
}

func (p *Platform) suffix() string {
	if p.cfg.Format == LINEAds {
		return "/"
	}
	return "." + p.cfg.Format
}

// Write writes the file, or the files for LINE Ads.
func (p *Platform) Write(ctx context.Context, remote string, spec *audiences.Spec, members iter.Seq2[*audiences.Member, error]) (audiences.Answer, error) {
	_, err := p.Look(ctx, remote)
	if err != nil {
		return audiences.Answer{}, err
	}
	switch p.cfg.Format {
	case LINEAds:
		err = p.lines(ctx, remote, members)
	case Parquet:
		err = p.cfg.Place.Write(ctx, remote, func(w io.Writer) error { return writeParquet(w, spec, members) })
	default:
		err = p.cfg.Place.Write(ctx, remote, func(w io.Writer) error { return writeCSV(w, spec, members) })
	}
	return audiences.Answer{}, problem(err)
}

// Row is somebody in a table. Several values of a kind stand in one cell with a semicolon between.
type Row struct {
	Member   string `parquet:"member"`   // the same in all files of an audience, another in those of others
	Email    string `parquet:"email"`    // SHA-256 of the address, trimmed and lower case
	Phone    string `parquet:"phone"`    // SHA-256 of the number as +819012345678
	LINE     string `parquet:"line"`     // user id
	Customer string `parquet:"customer"` // the shop's customer id
	Given    string `parquet:"given"`    // SHA-256
	Family   string `parquet:"family"`   // SHA-256
	Country  string `parquet:"country"`  // ISO 3166-1 alpha-2
	Zip      string `parquet:"zip"`
	Value    string `parquet:"value"`    // decimal; of value-based audiences
	Currency string `parquet:"currency"` // ISO 4217, of Value
}

// Columns are the columns of a table.
var Columns = []string{"member", "email", "phone", "line", "customer", "given", "family", "country", "zip", "value", "currency"}

func (r *Row) cells() []string {
	return []string{r.Member, r.Email, r.Phone, r.LINE, r.Customer, r.Given, r.Family, r.Country, r.Zip, r.Value, r.Currency}
}

func rowOf(spec *audiences.Spec, m *audiences.Member) Row {
	r := Row{Member: spec.Alias(m.Profile).String()}
	put := func(cell *string, v string) {
		if *cell != "" {
			v = *cell + ";" + v
		}
		*cell = v
	}
	for _, k := range m.Keys {
		switch k.Kind {
		case match.Email:
			put(&r.Email, k.Value)
		case match.Phone:
			put(&r.Phone, k.Value)
		case match.LINE:
			put(&r.LINE, k.Value)
		case match.Customer:
			put(&r.Customer, k.Value)
		case match.Name: // given, family, country, zip: match.For(match.File)
			if parts := strings.Split(k.Value, match.Separator); len(parts) == 4 {
				r.Given, r.Family, r.Country, r.Zip = parts[0], parts[1], parts[2], parts[3]
			}
		}
	}
	if spec.Use == audiences.Value {
		r.Value, r.Currency = m.Value.String(), spec.Currency
	}
	return r
}

func writeCSV(w io.Writer, spec *audiences.Spec, members iter.Seq2[*audiences.Member, error]) error {
	out := csv.NewWriter(w)
	if err := out.Write(Columns); err != nil {
		return err
	}
	for m, err := range members {
		if err != nil {
			return err
		}
		r := rowOf(spec, m)
		if err := out.Write(r.cells()); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// groupRows is a row group of Parquet: what is held of it.
const groupRows = 100_000

func writeParquet(w io.Writer, spec *audiences.Spec, members iter.Seq2[*audiences.Member, error]) error {
	out := parquet.NewGenericWriter[Row](w, parquet.Compression(&parquet.Snappy), parquet.CreatedBy("enishi", "", ""))
	n := 0
	for m, err := range members {
		if err != nil {
			return err
		}
		if _, err := out.Write([]Row{rowOf(spec, m)}); err != nil {
			return err
		}
		if n++; n%groupRows == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
	return out.Close()
}

// lines writes the files for LINE Ads: email.csv, phone.csv, and email-2.csv where one would be too big. A file that is not needed any more goes.
func (p *Platform) lines(ctx context.Context, folder string, members iter.Seq2[*audiences.Member, error]) error {
	var written []string
	for _, kind := range []match.Kind{match.Email, match.Phone} {
		next, stop := iter.Pull2(values(members, kind))
		v, err, more := next()
		for n := 1; more && err == nil; n++ {
			name := folder + string(kind)
			if n > 1 {
				name += "-" + strconv.Itoa(n)
			}
			name += ".csv"
			written = append(written, name)
			if werr := p.cfg.Place.Write(ctx, name, func(w io.Writer) error {
				buf := bufio.NewWriter(w)
				for i := 0; more && err == nil && i < p.rows; i++ {
					if _, err := buf.WriteString(v + "\n"); err != nil {
						return err
					}
					v, err, more = next()
				}
				return cmp.Or(err, buf.Flush())
			}); werr != nil {
				stop()
				return werr
			}
		}
		stop()
		if err != nil {
			return err
		}
	}
	return p.removeBut(ctx, folder, written)
}

func values(members iter.Seq2[*audiences.Member, error], kind match.Kind) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for m, err := range members {
			if err != nil {
				yield("", err)
				return
			}
			for _, k := range m.Keys {
				if k.Kind == kind && !yield(k.Value, nil) {
					return
				}
			}
		}
	}
}

// removeBut deletes what is in the folder of an audience but some files.
func (p *Platform) removeBut(ctx context.Context, folder string, keep []string) error {
	files, err := p.cfg.Place.List(ctx, folder+"*.csv")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range files {
		if !slices.Contains(keep, f.Name) {
			if err := p.cfg.Place.Remove(ctx, f.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Look tells that the list is made anew when the configuration names another folder or format.
func (p *Platform) Look(_ context.Context, remote string) (audiences.Look, error) {
	stem, ok := strings.CutSuffix(remote, p.suffix())
	if dir := path.Dir(stem); !ok || dir != cmp.Or(p.cfg.Folder, ".") {
		return audiences.Look{}, &audiences.Problem{Class: audiences.Gone, Code: "moved", Msg: "the configuration names another folder or format: the file is written anew there", MsgJA: "設定の保存先または形式が変わったため、ファイルを作り直します。"}
	}
	return audiences.Look{Ready: true, Matched: -1}, nil
}

// Delete removes the file, of LINE Ads all of them.
func (p *Platform) Delete(ctx context.Context, remote string) error {
	folder, ok := strings.CutSuffix(remote, "/")
	if !ok {
		return problem(p.cfg.Place.Remove(ctx, remote))
	}
	if err := p.removeBut(ctx, remote, nil); err != nil {
		return problem(err)
	}
	_ = p.cfg.Place.Remove(ctx, folder) // somebody else's file may be in it
	return nil
}

// problem says what may be done about an error of a place.
func problem(err error) error {
	if err == nil {
		return nil
	}
	p := &audiences.Problem{Class: audiences.Retry, Code: "place", Msg: "the file could not be written", MsgJA: "ファイルを書き込めませんでした。", Err: err}
	var s3 minio.ErrorResponse
	var ours *enishi.Error
	switch {
	case errors.As(err, &ours):
		p.Class, p.Code, p.Msg, p.MsgJA = audiences.Refused, "name", ours.Msg, ours.MsgJA
	case errors.Is(err, fs.ErrPermission) || errors.As(err, &s3) && (s3.StatusCode == http.StatusForbidden || s3.StatusCode == http.StatusUnauthorized) || strings.Contains(err.Error(), "unable to authenticate"):
		p.Class, p.Code, p.Msg, p.MsgJA = audiences.Auth, "permission", "the place does not let us in or write there: look at its account and rights (places.NAME)", "保存先に接続できないか、書き込みの権限がありません。設定（places）のアカウントと権限を確認してください。"
	case errors.Is(err, fs.ErrNotExist) || s3.Code == minio.NoSuchBucket:
		p.Class, p.Code, p.Msg, p.MsgJA = audiences.Refused, "missing", "the folder or bucket of the place is not there: make it, or mend places.NAME", "保存先のフォルダーまたはバケットがありません。作成するか、設定（places）を直してください。"
	}
	return p
}
