package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// rows asks the project with the key this instance was started with, in the
// header apikey alone, and logs a refusal as a client library would.
func (i *instance) rows(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.o.Supabase+"/rest/v1/products?select=id,name&limit=1", nil)
	if err != nil {
		return fmt.Errorf("building a request for rows: %w", err)
	}
	req.Header.Set("apikey", i.values[SupabaseKey])
	res, err := i.o.Client.Do(req)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			i.log(`level=error msg="supabase: request did not go through"`)
		}
		return fmt.Errorf("asking for rows: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading rows: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var said struct{ Message string }
		_ = json.Unmarshal(body, &said) // an answer that says nothing is logged without words
		i.log(fmt.Sprintf(`level=error msg="supabase: %d %s: %s"`, res.StatusCode, http.StatusText(res.StatusCode), said.Message))
		return fmt.Errorf("asking for rows: status %d", res.StatusCode)
	}
	var found []struct{ Name string }
	if err := json.Unmarshal(body, &found); err != nil || len(found) == 0 {
		return errors.New("reading rows: there are none")
	}
	return nil
}
