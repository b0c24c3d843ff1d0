// Serves the MongoDB protocol over a PostgreSQL database: the server that the store's suites are run against. FerretDB 1 reads a
// document, changes it and writes it back in separate steps, so of two changes of one document one can be lost. MongoDB promises
// that it cannot, so commands that change documents of one collection pass one at a time here; -raw leaves that out.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

const (
	headerBytes = 16
	opMsg       = 2013
	mostBytes   = 64 << 20
)

// Commands that read, change and write back.
var changing = map[string]bool{"update": true, "findAndModify": true, "findandmodify": true, "delete": true}

func main() {
	listen := flag.String("listen", "127.0.0.1:27017", "address at which changes pass one at a time")
	raw := flag.String("raw", "127.0.0.1:27018", "address of FerretDB itself")
	postgres := flag.String("postgres", "", "URL of the PostgreSQL database, postgres://…")
	flag.Parse()

	server, err := ferretdb.New(&ferretdb.Config{
		Listener:      ferretdb.ListenerConfig{TCP: *raw},
		Handler:       "postgresql",
		PostgreSQLURL: *postgres,
	})
	if err != nil {
		fail(err)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		fail(err)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go serve(listener, *raw)
	if err := server.Run(ctx); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Whose turn it is to change documents, by the collection's name; no command changes two.
type turns struct {
	lock sync.Mutex
	of   map[string]*sync.Mutex
}

func (t *turns) take(collection string) *sync.Mutex {
	t.lock.Lock()
	turn := t.of[collection]
	if turn == nil {
		turn = &sync.Mutex{}
		t.of[collection] = turn
	}
	t.lock.Unlock()
	turn.Lock()
	return turn
}

func serve(listener net.Listener, raw string) {
	turns := &turns{of: map[string]*sync.Mutex{}}
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("tcp", raw)
			if err != nil {
				return
			}
			defer server.Close()
			for pass(client, server, turns) == nil {
			}
		}()
	}
}

// Passes one request on and its answer back.
func pass(client, server net.Conn, turns *turns) error {
	request, err := read(client)
	if err != nil {
		return err
	}
	answer, err := ask(server, request, turns)
	if err != nil {
		return err
	}
	_, err = client.Write(answer)
	return err
}

func ask(server net.Conn, request []byte, turns *turns) ([]byte, error) {
	if name, collection := command(request); changing[name] {
		defer turns.take(collection).Unlock()
	}
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	return read(server)
}

func read(from io.Reader) ([]byte, error) {
	header := make([]byte, headerBytes)
	if _, err := io.ReadFull(from, header); err != nil {
		return nil, err
	}
	length := int(binary.LittleEndian.Uint32(header))
	if length < headerBytes || length > mostBytes {
		return nil, errors.New("not a message of the protocol")
	}
	message := make([]byte, length)
	copy(message, header)
	_, err := io.ReadFull(from, message[headerBytes:])
	return message, err
}

// The command's name is the first key of the document in the message's first section, its value the collection.
func command(message []byte) (name, collection string) {
	const start = headerBytes + 4 + 1 + 4 + 1
	if len(message) < start || binary.LittleEndian.Uint32(message[12:]) != opMsg || message[headerBytes+4] != 0 {
		return "", ""
	}
	key, value, found := bytes.Cut(message[start:], []byte{0})
	if !found {
		return "", ""
	}
	const text = 0x02
	if message[start-1] != text || len(value) < 4 {
		return string(key), ""
	}
	kept, _, _ := bytes.Cut(value[4:], []byte{0})
	return string(key), string(kept)
}
