package main

import (
	"fmt"

	"enishi/channels/email"
)

type dkimCommand struct {
	Generate dkimGenerateCommand `cmd:"" help:"Make the DKIM keys of a sender's domain and print the DNS records to set; keys that are there are kept."`
}

type dkimGenerateCommand struct {
	Domain   string `arg:"" help:"Domain of the sender's address, such as shop.example."`
	Keys     string `help:"Folder of the keys: smtp.dkim of the configuration names it." default:"dkim" placeholder:"DIR"`
	Selector string `help:"Tells one pair of keys from the next; choose another one to change keys." default:"enishi"`
}

// Run makes an RSA and an Ed25519 key and prints their records.
func (c *dkimGenerateCommand) Run(s streams) error {
	keys, err := email.GenerateKeys(c.Keys, c.Domain, c.Selector)
	if err != nil {
		return err
	}
	for i := range keys {
		name, value, err := keys[i].Record()
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s. IN TXT %s\n", name, zoneText(value))
	}
	return nil
}

// zoneText writes a text as a zone file holds it: quoted, in pieces of at most 255 characters.
func zoneText(s string) string {
	out := ""
	for len(s) > 255 {
		out, s = out+`"`+s[:255]+`" `, s[255:]
	}
	return out + `"` + s + `"`
}
