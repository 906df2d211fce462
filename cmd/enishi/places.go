package main

import (
	"fmt"
	"os"

	"enishi/internal/place"
)

// PlaceConfig is somewhere files stand: a folder, an SFTP server or a bucket of S3.
type PlaceConfig struct {
	Dir       string `koanf:"dir" help:"Folder of this machine."`
	SFTP      string `koanf:"sftp" help:"HOST:PORT of an SFTP server."`
	User      string `koanf:"user" help:"User at the SFTP server."`
	Password  string `koanf:"password" help:"Password of the user; write ${VARIABLE} to take it from the environment."`
	Key       string `koanf:"key" help:"File with a private key (PEM) instead of the password."`
	HostKey   string `koanf:"host_key" help:"What the SFTP server must show: a line such as ssh-ed25519 AAAA..."`
	Folder    string `koanf:"folder" help:"Folder at the SFTP server."`
	S3        string `koanf:"s3" help:"Bucket of S3, or of a server that speaks its protocol."`
	Region    string `koanf:"region" help:"Region of the bucket. Default: ap-northeast-1."`
	Endpoint  string `koanf:"endpoint" help:"Host or URL of the S3 server. Default: AWS."`
	AccessKey string `koanf:"access_key" help:"Access key of S3; write ${VARIABLE} to take it from the environment."`
	SecretKey string `koanf:"secret_key" help:"Secret key of S3; write ${VARIABLE} to take it from the environment."`
	Prefix    string `koanf:"prefix" help:"What the names of objects in the bucket begin with, such as enishi/."`
}

// open makes the place of its configuration.
func (c *PlaceConfig) open(name string) (*place.Place, error) {
	x := place.Config{Dir: c.Dir}
	if c.SFTP != "" {
		x.SFTP = &place.SFTP{Addr: c.SFTP, User: c.User, Password: c.Password, HostKey: c.HostKey, Folder: c.Folder}
		if c.Key != "" {
			key, err := os.ReadFile(c.Key)
			if err != nil {
				return nil, fmt.Errorf("config: places.%s.key: %w", name, err)
			}
			x.SFTP.Key = key
		}
	}
	if c.S3 != "" {
		x.S3 = &place.S3{Bucket: c.S3, Endpoint: c.Endpoint, Region: c.Region, AccessKey: c.AccessKey, SecretKey: c.SecretKey, Prefix: c.Prefix}
	}
	p, err := place.Open(x)
	if err != nil {
		return nil, fmt.Errorf("config: places.%s: %w", name, err)
	}
	return p, nil
}

// openPlaces makes all places, by name.
func (c *Config) openPlaces() (map[string]*place.Place, error) {
	out := map[string]*place.Place{}
	for name, x := range c.Places {
		p, err := x.open(name)
		if err != nil {
			return nil, err
		}
		out[name] = p
	}
	return out, nil
}
