package main

import (
	"fmt"
	"strings"

	"enishi"
	"enishi/channels/dm/postal/barcode"
	addresses "enishi/internal/address"
)

type postalCommand struct {
	Batches  postalBatchesCommand  `cmd:"" help:"List batches of post."`
	Export   postalExportCommand   `cmd:"" help:"Export an approved batch and fetch its files."`
	Returns  postalReturnsCommand  `cmd:"" help:"Take in pieces that came back, by their codes."`
	ZipTable postalZipTableCommand `cmd:"" name:"zip-table" help:"Import Japan Post's table of postal codes."`
	Barcode  postalBarcodeCommand  `cmd:"" help:"Print Japan Post's customer barcode of a postal code and an address: the digits used, the 23 symbols, the check symbol."`
}

type postalBarcodeCommand struct {
	Zip     string   `arg:"" help:"Postal code: 150-0001 or 1500001."`
	Address []string `arg:"" optional:"" help:"The address after the town's name, or the whole address."`
	SVG     bool     `name:"svg" help:"Print the bars as a picture at 10 point instead."`
}

// Run prints a line each: the digits of the address that are used, the symbols from START to STOP, the check symbol.
func (c *postalBarcodeCommand) Run(s streams) error {
	zip := addresses.Normalise(enishi.Address{PostalCode: c.Zip}, nil).PostalCode
	if strings.HasSuffix(zip, "00") {
		return enishi.FieldError("zip", "a postal code that ends with 00 stands for a whole city: such an address has no barcode", "末尾が 00 の郵便番号は市区町村全体を指すため、バーコードはありません")
	}
	digits := barcode.Digits(strings.Join(c.Address, " "))
	symbols, err := barcode.Of(zip, digits)
	if err != nil {
		return err
	}
	if c.SVG {
		_, err = fmt.Fprintln(s.out, symbols.SVG(10))
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s\n%s\n%s\n", digits, symbols.Text(), symbols.Check())
	return err
}
