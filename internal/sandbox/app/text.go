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

// text asks the text model with the key this instance was started with, and
// logs a refusal as a client library would.
func (i *instance) text(ctx context.Context) (string, error) {
	const order = `{"model":"claude-sandbox-1","max_tokens":16,"messages":[{"role":"user","content":"Two words about the sea."}]}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.o.Anthropic+"/v1/messages", strings.NewReader(order))
	if err != nil {
		return "", fmt.Errorf("building text request: %w", err)
	}
	req.Header.Set("x-api-key", i.values[AnthropicKey])
	req.Header.Set("anthropic-version", "2023-06-01")
	req.Header.Set("Content-Type", "application/json")
	res, err := i.o.Client.Do(req)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			i.log(`level=error msg="anthropic: request did not go through"`)
		}
		return "", fmt.Errorf("calling text model: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return "", fmt.Errorf("reading text answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var said struct {
			Error struct{ Type, Message string }
		}
		_ = json.Unmarshal(body, &said) // an answer that says nothing is logged without words
		i.log(fmt.Sprintf(`level=error msg="anthropic: %d %s: %s: %s"`, res.StatusCode, http.StatusText(res.StatusCode), said.Error.Type, said.Error.Message))
		return "", fmt.Errorf("calling text model: status %d", res.StatusCode)
	}
	var made struct{ Content []struct{ Text string } }
	if err := json.Unmarshal(body, &made); err != nil || len(made.Content) == 0 {
		return "", errors.New("reading text answer: no text in it")
	}
	return made.Content[0].Text, nil
}
