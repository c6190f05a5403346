package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// main serves the snippet until its standard input ends.
func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	http.HandleFunc("POST /rekey", Attest)
	go http.Serve(listener, nil)
	fmt.Println(listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}
