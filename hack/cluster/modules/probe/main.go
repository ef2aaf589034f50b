// What the tests of the cluster run in pods.
//
//	probe serve         answer every HTTP request on port 8080 with the host's name
//	probe get URL       print the answer
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "serve":
		return serve()
	case len(arguments) == 2 && arguments[0] == "get":
		return get(arguments[1])
	}
	return fmt.Errorf("usage: probe serve | probe get URL")
}

func serve() error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	fmt.Println("serving as", name)
	return http.ListenAndServe(":8080", http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(out, name)
	}))
}

func get(url string) error {
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}
