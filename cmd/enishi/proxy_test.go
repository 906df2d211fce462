package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
)

// proxy stands between a process and a server: it can be cut, then connections break and new ones are refused, and mended.
type proxy struct {
	t      *testing.T
	listen string
	target string
	copy   func(to io.Writer, from io.Reader) error // of the server's answers

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
}

// newProxy starts one at listen.
func newProxy(t *testing.T, listen, target string) *proxy {
	t.Helper()
	p := &proxy{t: t, listen: listen, target: target, conns: map[net.Conn]bool{}, copy: func(to io.Writer, from io.Reader) error {
		_, err := io.Copy(to, from)
		return err
	}}
	p.mend()
	t.Cleanup(p.cut)
	return p
}

// newKafkaProxy starts one at 127.0.0.2 and the port of the broker. A broker tells its clients where it is, 127.0.0.1: in its
// answers that is written over.
func newKafkaProxy(t *testing.T, broker string) *proxy {
	t.Helper()
	_, port, err := net.SplitHostPort(broker)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	here, there := []byte("127.0.0.2"), []byte("127.0.0.1")
	suffix := binary.BigEndian.AppendUint32(nil, uint32(n))
	p := newProxy(t, "127.0.0.2:"+port, broker)
	p.copy = func(to io.Writer, from io.Reader) error {
		for {
			var size [4]byte
			if _, err := io.ReadFull(from, size[:]); err != nil {
				return err
			}
			answer := make([]byte, binary.BigEndian.Uint32(size[:]))
			if _, err := io.ReadFull(from, answer); err != nil {
				return err
			}
			answer = bytes.ReplaceAll(answer, append(bytes.Clone(there), suffix...), append(bytes.Clone(here), suffix...))
			if _, err := to.Write(append(size[:], answer...)); err != nil {
				return err
			}
		}
	}
	return p
}

// mend listens again.
func (p *proxy) mend() {
	p.t.Helper()
	l, err := net.Listen("tcp", p.listen)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	p.listener = l
	p.mu.Unlock()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.carry(client)
		}
	}()
}

// carry joins a client to the server until one of them ends.
func (p *proxy) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	for _, c := range []net.Conn{client, server} {
		p.conns[c] = true
	}
	cut := p.listener == nil
	p.mu.Unlock()
	if cut {
		return
	}
	go func() {
		_, _ = io.Copy(server, client) // its end ends the other way too
		server.Close()
	}()
	_ = p.copy(client, server)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, client)
	delete(p.conns, server)
}

// cut breaks everything.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}
