// Package place reads and writes files somewhere: a folder of this machine, an SFTP server, a bucket that speaks S3.
//
// A place stands in the configuration, because it has secrets; whoever uses it names it. Names of files are relative to it, with
// slashes, and cannot leave it. [Place.Write] leaves a whole file or none: a folder and an SFTP server get it under another name
// first, S3 shows an object only when its last part has come. What begins with a dot is not listed.
//
// Every call connects anew: places are used now and then, and a server that went away in between is no matter.
package place
