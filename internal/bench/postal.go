package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"enishi"
	"enishi/channels/dm/postal/barcode"
	"enishi/channels/dm/postal/house"
	"enishi/channels/dm/postal/layout"
	"enishi/internal/address"
)

// postalAddresses are addresses as people write them.
func postalAddresses(n int) []enishi.Address {
	all := make([]enishi.Address, n)
	for i := range all {
		a := enishi.Address{Name: fmt.Sprintf("佐藤 花子%d", i%97), PostalCode: fmt.Sprintf("%03d-%04d", 100+i%200, i%9999+1)}
		switch i % 4 {
		case 0:
			a.Prefecture, a.City, a.Address1, a.Address2 = "東京都", "渋谷区", fmt.Sprintf("神宮前%d-%d-%d", i%9+1, i%40+1, i%20+1), fmt.Sprintf("コーポ桜%d", 101+i%900)
		case 1:
			a.Prefecture, a.City, a.Address1 = "神奈川県", "横浜市西区", fmt.Sprintf("みなとみらい%d丁目%d番%d号 タワー%d号室", i%6+1, i%30+1, i%12+1, 201+i%700)
		case 2:
			a.Address1, a.Address2 = fmt.Sprintf("北海道札幌市中央区南4条西%d丁目%d番地%d", i%29+1, i%1500+1, i%23+1), fmt.Sprintf("第2郵便ハウス%d", i%90+100)
		default:
			a.Prefecture, a.City, a.Address1 = "東京都", "千代田区", fmt.Sprintf("霞ヶ関%dの%dの%d", i%3+1, i%9+1, i%9+1)
		}
		all[i] = a
	}
	return all
}

// postalTable is a table of the size of Japan Post's.
func postalTable() (*address.Table, error) {
	return address.Of(func(yield func(address.Place) bool) {
		for i, a := range postalAddresses(4) { // those that are asked for
			n := address.Normalise(a, nil)
			for zip := range 40_000 {
				if zip%4 == i && !yield(address.Place{Zip: fmt.Sprintf("%03d%04d", 100+zip%200, zip%9999+1), Prefecture: n.Prefecture, City: n.City, Town: n.Town}) {
					return
				}
			}
		}
		for i := range 85_000 {
			if !yield(address.Place{Zip: fmt.Sprintf("%07d", 1000001+i*70), Prefecture: "東京都", City: fmt.Sprintf("第%d区", i%1800), Town: fmt.Sprintf("町%d", i)}) {
				return
			}
		}
	})
}

// runPostal measures direct mail: addresses, the print house's file and the print-ready PDF.
func runPostal(_ context.Context, b *bench) error {
	addresses := postalAddresses(10_000)
	table, err := postalTable()
	if err != nil {
		return err
	}
	as, bs, err := b.alternate(nil,
		func(int) (slice, error) {
			n := 0
			for i := range addresses {
				a := &addresses[i]
				for _, s := range [...]string{a.Name, a.PostalCode, a.Prefecture, a.City, a.Address1, a.Address2} {
					n += len(strings.ToUpper(norm.NFKC.String(s)))
				}
			}
			if n == 0 {
				return slice{}, errors.New("nothing folded")
			}
			return slice{ops: len(addresses)}, nil
		},
		func(int) (slice, error) {
			for i := range addresses {
				if n := address.Normalise(addresses[i], table); n.Block == "" {
					return slice{}, fmt.Errorf("%+v has no number", addresses[i])
				}
			}
			return slice{ops: len(addresses)}, nil
		})
	if err != nil {
		return err
	}
	b.compare("address, normalised", "address", as, bs, 15) // the twin only folds widths: it finds and checks nothing
	b.least("addresses on one core", median(each(bs, (*slice).rate)), "addresses/s", 20_000)
	if err := b.postalFile(addresses); err != nil {
		return err
	}
	return b.postalPDF(addresses)
}

func records(addresses []enishi.Address, n int) iter.Seq[*house.Record] {
	normal := make([]address.Normal, len(addresses))
	codes := make([]string, len(addresses))
	for i := range addresses {
		normal[i] = address.Normalise(addresses[i], nil)
		if s, _, ok, err := barcode.OfAddress(&normal[i], false); ok && err == nil {
			codes[i] = s.Text()
		}
	}
	return func(yield func(*house.Record) bool) {
		var r house.Record
		for i := range n {
			k := i % len(normal)
			r = house.Record{Seq: i + 1, CustomerID: "C100000", Address: normal[k], Barcode: codes[k], URL: "https://shop.example/d/ABCDEFGHJKLM", Code: "ABCD-EFGH-JKLM", Coupon: "FUYU"}
			if !yield(&r) {
				return
			}
		}
	}
}

// postalFile writes the quoted CSV in CP932 against the standard library's csv through the encoder of x/text, and then a million
// rows of it with the memory that they take.
func (b *bench) postalFile(addresses []enishi.Address) error {
	const rows = 100_000
	file := func(name string) (*os.File, error) { return os.Create(filepath.Join(b.dir, name)) }
	write := func(name string, n int, each func(w io.Writer, r iter.Seq[*house.Record]) error) error {
		f, err := file(name)
		if err != nil {
			return err
		}
		w := bufio.NewWriterSize(f, 1<<18)
		if err := each(w, records(addresses, n)); err != nil {
			return err
		}
		if err := errors.Join(w.Flush(), f.Sync(), f.Close()); err != nil {
			return err
		}
		return os.Remove(f.Name())
	}
	product := func(w io.Writer, all iter.Seq[*house.Record]) error {
		h, err := house.NewWriter(w, house.Profile{})
		if err != nil {
			return err
		}
		for r := range all {
			if err := h.Write(r); err != nil {
				return err
			}
		}
		return nil
	}
	as, bs, err := b.alternate(nil,
		func(int) (slice, error) {
			return slice{ops: rows}, write("a.csv", rows, func(w io.Writer, all iter.Seq[*house.Record]) error {
				t := transform.NewWriter(w, japanese.ShiftJIS.NewEncoder())
				c := csv.NewWriter(t)
				for r := range all {
					a := &r.Address
					if err := c.Write([]string{fmt.Sprint(r.Seq), r.CustomerID, a.Zip(), a.Prefecture, a.Line1, a.Line2, a.Company, a.Department, a.JobTitle, a.Name, a.Honorific, r.Barcode, r.URL, r.Code, r.Coupon, r.Variant, r.Comment}); err != nil {
						return err
					}
				}
				c.Flush()
				return errors.Join(c.Error(), t.Close())
			})
		},
		func(int) (slice, error) { return slice{ops: rows}, write("b.csv", rows, product) })
	if err != nil {
		return err
	}
	b.compare("pieces to a CP932 CSV", "piece", as, bs, 1.5)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := uint64(0)
	const million = 1_000_000
	s, err := measured(func() (slice, error) {
		return slice{ops: million}, write("million.csv", million, func(w io.Writer, all iter.Seq[*house.Record]) error {
			n := 0
			return product(w, func(yield func(*house.Record) bool) {
				for r := range all {
					if n++; n%100_000 == 0 {
						runtime.ReadMemStats(&after)
						most = max(most, after.HeapAlloc)
					}
					if !yield(r) {
						return
					}
				}
			})
		})
	})
	if err != nil {
		return err
	}
	b.printf("  %-28s %.1f s for a million, %.0f pieces/s\n", "a million rows", s.wall.Seconds(), s.rate())
	b.goal("heap over that of 10,000 rows", (float64(most)-float64(before.HeapAlloc))/(1<<20), "MiB", 64)
	return nil
}

// postalPDF makes print-ready files of postcards, both sides.
func (b *bench) postalPDF(addresses []enishi.Address) error {
	fonts, err := layout.OpenFonts("")
	if err != nil {
		b.printf("  %-28s not measured: %v\n", "pieces to a PDF", err)
		return nil
	}
	c, err := layout.Parse([]byte(`{"sender":{"name":"縁商店","postal_code":"150-0001","address":"東京都渋谷区神宮前1-2-3"},"headline":"冬のセール","text":"1月15日まで、全品20%引きです。\nぜひお立ち寄りください。","coupon":{"title":"10%OFF"}}`))
	if err != nil {
		return err
	}
	const pieces = 5000
	s, err := measured(func() (slice, error) {
		sum, err := layout.Files(func(int) (io.WriteCloser, error) { return discard{io.Discard}, nil }, fonts, func(yield func(*layout.Piece, error) bool) {
			for i := range pieces {
				if !yield(&layout.Piece{Content: c, Address: address.Normalise(addresses[i%len(addresses)], nil), Code: "ABCD-EFGH-JKLM", URL: "https://shop.example/d/ABCDEFGHJKLM"}, nil) {
					return
				}
			}
		}, layout.Options{})
		if err == nil && sum.Pages != 2*pieces {
			err = fmt.Errorf("%d pages of %d pieces", sum.Pages, pieces)
		}
		return slice{ops: pieces}, err
	})
	if err != nil {
		return err
	}
	b.printf("  %-28s %.0f CPU us a piece of two pages\n", "pieces to a PDF", s.perOp())
	b.least("pieces to a PDF", s.rate(), "pieces/s", 300)
	return nil
}

type discard struct{ io.Writer }

func (discard) Close() error { return nil }
