package api

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/channels/dm/postal"
	addresses "enishi/internal/address"
	"enishi/profiles"
)

// postalBookRow is a line of a person's address book.
type postalBookRow struct {
	Address       postalAddressText `json:"address" doc:"In the writing that is printed."`
	Source        string            `json:"source" enum:"profile,order" doc:"profile: the person's own data; order: where an order was sent to."`
	SourceLabel   Text              `json:"source_label"`
	OrderID       string            `json:"order_id"`
	At            time.Time         `json:"at,omitzero" doc:"When it was told."`
	Gift          bool              `json:"gift" doc:"Somebody else's: never used."`
	Used          bool              `json:"used" doc:"Post goes there."`
	Usable        bool              `json:"usable" doc:"It can be printed."`
	Returned      string            `json:"returned" doc:"Why post to it came back; empty: none did."`
	ReturnedLabel Text              `json:"returned_label"`
	ReturnedAt    time.Time         `json:"returned_at,omitzero"`
	Problems      []postalProblem   `json:"problems"`
	Barcode       string            `json:"barcode"`
}

type postalBookOutput struct{ Body postalBookPage }

type postalBookPage struct {
	Addresses  []postalBookRow  `json:"addresses" doc:"The person's own, that which is used first."`
	Gifts      []postalBookRow  `json:"gifts" doc:"Where gifts and parcels for others went: never used."`
	Pieces     []postalPieceRow `json:"pieces" doc:"What was and will be sent to the person, newest first."`
	Suppressed Text             `json:"suppressed" doc:"Why no post goes to the person; empty: nothing stands against it."`
	ZipTable   bool             `json:"zip_table" doc:"Postal codes were compared with Japan Post's table."`
}

func problemsText(list []addresses.Problem) []postalProblem {
	out := []postalProblem{}
	for _, p := range list {
		out = append(out, postalProblem{p.Code, problemLabel(p.Code), p.Field, p.Severity, Text(p.Text), Text(p.Fix), p.Suggest})
	}
	return out
}

// listPersonAddresses is the address book of a person.
func (a *API) listPersonAddresses(ctx context.Context, in *PersonPath) (*postalBookOutput, error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	v := p.View()
	out := &postalBookOutput{postalBookPage{Addresses: []postalBookRow{}, Gifts: []postalBookRow{}, Pieces: []postalPieceRow{}}}
	b := &out.Body
	files, err := o.ZipFiles(ctx)
	if err != nil {
		return nil, err
	}
	b.ZipTable = len(files) > 0
	for _, x := range v.PostalAddresses() {
		n, err := o.Normalise(ctx, x.Address)
		if err != nil {
			return nil, err
		}
		address := n.Address()
		row := postalBookRow{Address: *addressText(&address), Source: x.Source, SourceLabel: word("postal_source", x.Source), OrderID: x.OrderID, At: known(x.At), Gift: x.Gift, Used: x.Used, Usable: n.OK(), Returned: x.Returned,
			ReturnedAt: known(x.ReturnedAt), Problems: problemsText(n.Problems), Barcode: postal.BarcodeText(&n)}
		if x.Returned != "" {
			row.ReturnedLabel = word("postal_back", x.Returned)
		}
		if x.Gift {
			b.Gifts = append(b.Gifts, row)
			continue
		}
		b.Addresses = append(b.Addresses, row)
	}
	slices.SortStableFunc(b.Addresses, func(x, y postalBookRow) int {
		switch {
		case x.Used == y.Used:
			return 0
		case x.Used:
			return -1
		}
		return 1
	})
	pieces, err := o.Pieces.ByProfile(ctx, subjects(p))
	if err != nil {
		return nil, err
	}
	for i := range pieces {
		b.Pieces = append(b.Pieces, pieceRow(&pieces[i]))
	}
	if _, suppressed := v.SuppressedOf(enishi.PostalChannel, ""); suppressed {
		b.Suppressed = word("postal_reason", postal.LeftReturned)
	} else if state, _ := v.Consent(enishi.PostalChannel, profiles.Marketing); state == profiles.Out {
		b.Suppressed = word("postal_reason", postal.LeftOptedOut)
	}
	return out, nil
}

type postalCorrectInput struct {
	PersonPath
	Body struct {
		PostalCode *string `json:"postal_code,omitempty" maxLength:"20"`
		Prefecture *string `json:"prefecture,omitempty" maxLength:"40"`
		City       *string `json:"city,omitempty" maxLength:"100"`
		Address1   *string `json:"address1,omitempty" maxLength:"200"`
		Address2   *string `json:"address2,omitempty" maxLength:"200"`
		Company    *string `json:"company,omitempty" maxLength:"100"`
		Department *string `json:"department,omitempty" maxLength:"100"`
		JobTitle   *string `json:"job_title,omitempty" maxLength:"100"`
		FamilyName *string `json:"family_name,omitempty" maxLength:"50"`
		GivenName  *string `json:"given_name,omitempty" maxLength:"50"`
		Confirm    bool    `json:"confirm,omitempty" doc:"The address is right although post came back from it: send there again."`
		Reason     string  `json:"reason,omitempty" maxLength:"500"`
	}
}

// correctPersonAddress changes what the person's own data say of the address; fields that are left out stay.
func (a *API) correctPersonAddress(ctx context.Context, in *postalCorrectInput) (*writtenOutput, error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	traits := map[string]enishi.Value{}
	b := &in.Body
	for name, value := range map[string]*string{"postal_code": b.PostalCode, "prefecture": b.Prefecture, "city": b.City, "address1": b.Address1, "address2": b.Address2, "company": b.Company, "department": b.Department, "job_title": b.JobTitle,
		"family_name": b.FamilyName, "given_name": b.GivenName} {
		if value != nil {
			traits[name] = enishi.TextValue(strings.TrimSpace(*value))
		}
	}
	if len(traits) == 0 && !b.Confirm {
		return nil, enishi.FieldError("body", "says nothing: give the fields that change, or confirm", "変更する項目を入れるか、confirm を指定してください。")
	}
	var w Written
	if len(traits) > 0 {
		if w, err = a.appendAs(ctx, enishi.Event{Type: "person.identified", Profile: p.ID, Subject: mainSubject(p), Person: &enishi.Person{Traits: traits}}, "address"); err != nil {
			return nil, err
		}
	}
	if b.Confirm {
		for _, x := range p.View().PostalAddresses() {
			if x.Gift || x.Returned == "" {
				continue
			}
			w, err = a.appendAs(ctx, enishi.Event{Type: "postal.returned", Profile: p.ID, Subject: mainSubject(p), Properties: map[string]enishi.Value{postal.KeyProperty: enishi.TextValue(strconv.FormatUint(x.Key, 16))},
				Result: &enishi.MessageResult{Channel: enishi.PostalChannel, Reason: profiles.MailCleared}}, "confirm", strconv.FormatUint(x.Key, 16))
			if err != nil {
				return nil, err
			}
			break
		}
	}
	if w.Position != "" && a.wait(ctx, w.Position) == nil { // else the next look at everybody finds it
		if err := o.CheckPeople(ctx, []enishi.ID{p.ID}); err != nil {
			a.log.Warn("the quality of an address is not noted", "err", err)
		}
	}
	w.RequestID = callOf(ctx).request
	return &writtenOutput{w}, nil
}

// qualityLook is how often it is looked whether everybody's address is to be looked at.
const qualityLook = 5 * time.Minute

type postalQualityOutput struct{ Body postalQualityPage }

// postalQualityPage is how the addresses of everybody stand.
type postalQualityPage struct {
	People    int                  `json:"people"`
	Usable    int                  `json:"usable" doc:"Post can be sent to them."`
	NoAddress int                  `json:"no_address"`
	CheckedAt time.Time            `json:"checked_at,omitzero" doc:"Absent: nobody looked yet."`
	Problems  []postalQualityCount `json:"problems" doc:"The most frequent first; a person may have several."`
	ZipFiles  []postalZipFile      `json:"zip_files" doc:"Empty: postal codes are not compared with Japan Post's table."`
}

type postalQualityCount struct {
	Code     string `json:"code"`
	Label    Text   `json:"label"`
	Severity string `json:"severity" enum:"error,warning"`
	Count    int    `json:"count"`
}

type postalZipFile struct {
	Kind   string    `json:"kind" enum:"towns,offices"`
	Label  Text      `json:"label"`
	Name   string    `json:"name"`
	Places int       `json:"places"`
	SHA256 string    `json:"sha256"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
}

func (a *API) getPostalQuality(ctx context.Context, _ *struct{}) (*postalQualityOutput, error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	if err := o.FirstQuality(ctx); err != nil {
		return nil, err
	}
	q, err := o.Quality(ctx)
	if err != nil {
		return nil, err
	}
	files, err := o.ZipFiles(ctx)
	if err != nil {
		return nil, err
	}
	out := &postalQualityOutput{postalQualityPage{People: q.People, Usable: q.Usable, NoAddress: q.NoAddress, CheckedAt: q.CheckedAt, Problems: []postalQualityCount{}, ZipFiles: []postalZipFile{}}}
	for _, code := range sortedKeys(q.Problems) {
		severity := addresses.SeverityError
		for _, c := range addresses.Codes() {
			if c.Code == code {
				severity = c.Severity
			}
		}
		out.Body.Problems = append(out.Body.Problems, postalQualityCount{code, problemLabel(code), severity, q.Problems[code]})
	}
	slices.SortStableFunc(out.Body.Problems, func(x, y postalQualityCount) int { return y.Count - x.Count })
	for i := range files {
		out.Body.ZipFiles = append(out.Body.ZipFiles, zipFileRow(&files[i]))
	}
	return out, nil
}

func zipFileRow(f *postal.ZipFile) postalZipFile {
	return postalZipFile{f.Kind, word("postal_zip", f.Kind), f.Name, f.Places, f.SHA256, f.At, f.Actor}
}

// checkPostalQuality looks at everybody's address now.
func (a *API) checkPostalQuality(ctx context.Context, _ *struct{}) (*postalQualityOutput, error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	if _, err := o.CheckEverybody(ctx); err != nil {
		return nil, err
	}
	return a.getPostalQuality(ctx, nil)
}

type postalTroubledInput struct {
	Problem string `query:"problem" maxLength:"64" doc:"A code of the counts; empty: any but no_address."`
	Cursor  string `query:"cursor" maxLength:"36"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// postalTroubledRow is somebody whose address has a problem.
type postalTroubledRow struct {
	Profile  enishi.ID          `json:"profile"`
	Name     string             `json:"name"`
	Address  *postalAddressText `json:"address,omitempty" doc:"As it was told; absent: there is none."`
	Problems []postalProblem    `json:"problems"`
}

func (a *API) listPostalTroubled(ctx context.Context, in *postalTroubledInput) (*listOutput[postalTroubledRow], error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	after, err := cursorID(in.Cursor)
	if err != nil {
		return nil, err
	}
	ids, err := o.Troubled(ctx, in.Problem, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := listOf([]postalTroubledRow{})
	if len(ids) > in.Limit {
		ids = ids[:in.Limit]
		out.Body.Next = ids[in.Limit-1].String()
	}
	people, err := o.People(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		p := people[id]
		if p == nil || p.Erased {
			continue
		}
		row := postalTroubledRow{Profile: id, Name: p.Name, Problems: []postalProblem{}}
		if p.Address != nil {
			n, err := o.Normalise(ctx, *p.Address)
			if err != nil {
				return nil, err
			}
			row.Address, row.Problems = addressText(p.Address), problemsText(n.Problems)
		} else {
			code := postal.LeftNoAddress
			if p.Returned != "" {
				code = postal.LeftReturned
			}
			row.Problems = append(row.Problems, postalProblem{Code: code, Label: problemLabel(code), Severity: addresses.SeverityError, Text: problemLabel(code), Fix: word("postal_fix", code)})
		}
		out.Body.Items = append(out.Body.Items, row)
	}
	return out, nil
}

type postalZipInput struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"200" doc:"Of the file."`
		Data []byte `json:"data" doc:"utf_ken_all.csv, KEN_ALL.CSV or JIGYOSYO.CSV of Japan Post in base64, best in the zip that it comes in."`
	}
}

type postalZipOutput struct{ Body postalZipFile }

// importPostalZip takes Japan Post's table of postal codes.
func (a *API) importPostalZip(ctx context.Context, in *postalZipInput) (*postalZipOutput, error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	f, err := o.ImportZip(ctx, in.Body.Name, in.Body.Data, callOf(ctx).caller.name)
	if err != nil {
		return nil, err
	}
	return &postalZipOutput{zipFileRow(&f)}, nil
}
