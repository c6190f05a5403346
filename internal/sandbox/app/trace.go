package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// The variables that hold the pair of the trace service.
const (
	LangfuseSecret = "LANGFUSE_SECRET_KEY"
	LangfusePublic = "LANGFUSE_PUBLIC_KEY"
)

// send sends one event with the pair this instance was started with.
func (i *instance) send(ctx context.Context) error {
	event := fmt.Sprintf(`{"batch":[{"id":%q,"type":"trace-create","timestamp":"2026-01-01T00:00:00Z","body":{"name":"visit"}}]}`, nonce())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.o.Langfuse+"/api/public/ingestion", strings.NewReader(event))
	if err != nil {
		return fmt.Errorf("building trace request: %w", err)
	}
	req.SetBasicAuth(i.values[LangfusePublic], i.values[LangfuseSecret])
	req.Header.Set("Content-Type", "application/json")
	res, err := i.o.Client.Do(req)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			i.log(`level=error msg="langfuse: request did not go through"`)
		}
		return fmt.Errorf("sending trace: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading answer to trace: %w", err)
	}
	var said struct {
		Message string
		Errors  []json.RawMessage
	}
	_ = json.Unmarshal(body, &said) // an answer that says nothing is logged without words
	if res.StatusCode != http.StatusMultiStatus || len(said.Errors) > 0 {
		i.log(fmt.Sprintf(`level=warn msg="langfuse: %d %s: %s"`, res.StatusCode, http.StatusText(res.StatusCode), said.Message))
		return fmt.Errorf("sending trace: status %d", res.StatusCode)
	}
	return nil
}
