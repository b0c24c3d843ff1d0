// Serves the MongoDB protocol over a PostgreSQL database: the server that the store's suites are run against. FerretDB 1 reads a
// document, changes it and writes it back in separate steps, so of two changes of one document one can be lost. MongoDB promises
// that it cannot, so commands that change documents pass one at a time here; -raw leaves that out.
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

func serve(listener net.Listener, raw string) {
	var turn sync.Mutex
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
			for pass(client, server, &turn) == nil {
			}
		}()
	}
}

// Passes one request on and its answer back.
func pass(client, server net.Conn, turn *sync.Mutex) error {
	request, err := read(client)
	if err != nil {
		return err
	}
	answer, err := ask(server, request, turn)
	if err != nil {
		return err
	}
	_, err = client.Write(answer)
	return err
}

func ask(server net.Conn, request []byte, turn *sync.Mutex) ([]byte, error) {
	if changing[command(request)] {
		turn.Lock()
		defer turn.Unlock()
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

// The command's name is the first key of the document in the message's first section.
func command(message []byte) string {
	const start = headerBytes + 4 + 1 + 4 + 1
	if len(message) < start || binary.LittleEndian.Uint32(message[12:]) != opMsg || message[headerBytes+4] != 0 {
		return ""
	}
	end := bytes.IndexByte(message[start:], 0)
	if end < 0 {
		return ""
	}
	return string(message[start : start+end])
}
