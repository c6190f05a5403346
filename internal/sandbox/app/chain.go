package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"rekey/internal/sandbox/wire"
)

// ChainURL is the variable that holds the address of the RPC, its key included.
// A build writes it into scripts: see scripts.go.
const ChainURL = "NEXT_PUBLIC_HELIUS_RPC_URL"

// slot asks the chain how far it is, by way of Helius alone, with the address
// that the build of this instance has.
func (i *instance) slot(ctx context.Context) error {
	if _, err := askSlot(ctx, i.o.Client, i.values[ChainURL]); err != nil {
		if !errors.Is(err, context.Canceled) {
			i.log(fmt.Sprintf(`level=warn msg="helius: %v, using the public RPC"`, err))
		}
		return err
	}
	return nil
}

// chain answers visitors, who never notice a dead key: then the public RPC is
// asked, and the answer says so.
func (i *instance) chain(w http.ResponseWriter, r *http.Request) {
	rpc := "helius"
	err := i.slot(r.Context())
	if err != nil {
		rpc = "public"
		_, err = askSlot(r.Context(), i.o.Client, i.o.PublicRPC)
	}
	if err != nil {
		wire.JSON(w, http.StatusBadGateway, map[string]any{"ok": false, "error": "the chain cannot be asked"})
		return
	}
	wire.JSON(w, http.StatusOK, map[string]any{"ok": true, "rpc": rpc})
}

// askSlot asks an RPC. Its errors name the status and never the address, which
// holds the key.
func askSlot(ctx context.Context, client *http.Client, address string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"getSlot"}`))
	if err != nil {
		return 0, errors.New("the address is malformed")
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return 0, fmt.Errorf("asking the chain: %w", ctx.Err())
		}
		return 0, errors.New("the request did not go through")
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return 0, errors.New("the answer broke off")
	}
	var said struct{ Result *int }
	if res.StatusCode != http.StatusOK || json.Unmarshal(body, &said) != nil || said.Result == nil {
		return 0, fmt.Errorf("%d %s", res.StatusCode, http.StatusText(res.StatusCode))
	}
	return *said.Result, nil
}
