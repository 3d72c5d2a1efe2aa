package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
	"github.com/rogpeppe/go-internal/testscript"

	"codefob/internal/protocol"
	reader "codefob/internal/qr"
)

// qrPicture makes a picture with the QR codes of these texts, side by side.
func qrPicture(texts []string) ([]byte, error) {
	const side, margin = 300, 40
	page := image.NewGray(image.Rect(0, 0, margin+len(texts)*(side+margin), side+2*margin))
	draw.Draw(page, page.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	for i, text := range texts {
		code, err := qr.Encode(text, qr.M, qr.Unicode)
		if err != nil {
			return nil, err
		}
		if code, err = barcode.Scale(code, side, side); err != nil {
			return nil, err
		}
		draw.Draw(page, image.Rect(0, 0, side, side).Add(image.Pt(margin+i*(side+margin), margin)), code, image.Point{}, draw.Src)
	}
	var out bytes.Buffer
	err := png.Encode(&out, page)
	return out.Bytes(), err
}

// scriptQR is the command "qr FILE TEXT": it makes a picture of the lines of a file.
func scriptQR(ts *testscript.TestScript, _ bool, args []string) {
	picture, err := qrPicture(strings.Split(strings.TrimSpace(ts.ReadFile(args[1])), "\n"))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), picture, 0o600))
}

// TestScreenScripts runs the transcripts that need a screen; "show FILE" puts a
// picture on it.
func TestScreenScripts(t *testing.T) {
	for _, program := range []string{"Xvfb", "display", "/usr/bin/import"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("a program for a screen is missing: ", err)
		}
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset")
	x.ExtraFiles = []*os.File{write}
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	defer func() { x.Process.Kill(); x.Wait() }()
	read.SetReadDeadline(time.Now().Add(60 * time.Second))
	var number int
	if _, err := fmt.Fscan(read, &number); err != nil {
		t.Fatal("Xvfb does not start: ", err)
	}
	display := fmt.Sprintf("DISPLAY=:%d", number)
	p := params(t, "testdata/screen", display, "WAYLAND_DISPLAY=")
	var shown *exec.Cmd
	p.Cmds["show"] = func(ts *testscript.TestScript, _ bool, args []string) {
		show := exec.Command("display", "-geometry", "+10+10", ts.MkAbs(args[0])) // no window manager places it
		show.Env = append(os.Environ(), display)
		ts.Check(show.Start())
		ts.Defer(func() { show.Process.Kill(); show.Wait() })
		if shown != nil {
			shown.Process.Kill()
		}
		shown = show
		want, err := reader.Read([]byte(ts.ReadFile(args[0])))
		ts.Check(err)
		for end := time.Now().Add(60 * time.Second); ; {
			grab := exec.Command("/usr/bin/import", "-silent", "-window", "root", "png:-")
			grab.Env = show.Env
			picture, _ := grab.Output()
			if got, _ := reader.Read(picture); slices.Equal(got, want) {
				return
			}
			if time.Now().After(end) {
				ts.Fatalf("%s does not come to the screen", args[0])
			}
		}
	}
	t.Run("scripts", func(t *testing.T) { testscript.RunT(recorder{t}, p) })
}

// screenshot is a PNG file of a busy page with a QR code on it.
func screenshot(t *testing.T, text string) []byte {
	t.Helper()
	code, err := qr.Encode(text, qr.M, qr.Unicode)
	if err == nil {
		code, err = barcode.Scale(code, 240, 240)
	}
	if err != nil {
		t.Fatal(err)
	}
	page := image.NewGray(image.Rect(0, 0, 1280, 720))
	noise := rand.New(rand.NewPCG(1, 2))
	for i := range page.Pix {
		page.Pix[i] = uint8(192 + noise.IntN(64))
	}
	draw.Draw(page, image.Rect(500, 200, 740, 440), code, image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, page); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A picture of a real size over a real pipe, from the QR code to its code.
func TestFromAScreenshotToACode(t *testing.T) {
	p := hostCommand(t, "codefob", chromiumArgs...)
	p.withPinentry()
	p.start()
	result[protocol.VaultResult](p, `{"id":1,"method":"vault.unlock"}`)
	shot := screenshot(t, "otpauth://totp/Shop:carol?secret=CANARYCANARYCANARYCANARYSHOP2222&algorithm=SHA256")
	read := fmt.Sprintf(`{"id":2,"method":"qr.read","params":{"picture":"%s"}}`, base64.StdEncoding.EncodeToString(shot))
	if len(read) < 4*protocol.MaxRequest {
		t.Fatalf("the picture is small: %d bytes", len(read))
	}
	const context = `{"origin":"https://shop.example","tab":1,"frame":0,"document":"d"}`
	var offer protocol.Offer
	for range 3 {
		got := result[protocol.OffersResult](p, read)
		if len(got.Offers) != 1 || got.Offers[0].Issuer != "Shop" || got.Offers[0].Algorithm != "SHA256" || got.Offers[0].Have != nil {
			t.Fatalf("%+v", got)
		}
		offer = got.Offers[0]
	}
	kib := p.peakMemory()
	t.Logf("%d KiB at most for a request of %d KiB", kib, len(read)>>10)
	if kib > 192<<10 {
		t.Errorf("it took %d KiB of memory", kib)
	}
	enrolled := result[protocol.EnrollResult](p, fmt.Sprintf(`{"id":3,"method":"account.enroll","params":{"ticket":%q,"issuer":"Shop","account":"carol","context":%s}}`, offer.Ticket, context))
	code := result[protocol.ReleaseResult](p, fmt.Sprintf(`{"id":4,"method":"code.release","params":{"handle":%q,"context":%s,"nonce":"0123456789abcdef","purpose":"fill"}}`, enrolled.Account.Handle, context))
	if len(code.Code) != 6 {
		t.Errorf("the code is %q", code.Code)
	}
	// As large a message of another method is refused, and ends the host.
	p.write(frame(strings.Replace(read, "qr.read", "qr.load", 1))[:1<<10])
	if r, err := p.read(); err != nil || r.Error == nil || r.Error.Code != protocol.ErrTooLarge {
		t.Errorf("another method: %+v, %v", r, err)
	}
	p.end(1)
	log, err := os.ReadFile(filepath.Join(p.home, "log", "codefob.log"))
	if said := string(log) + p.stderr.String(); err != nil || canaries.MatchString(said) || strings.Contains(said, offer.Ticket) || strings.Contains(said, "Shop") {
		t.Errorf("log or stderr: %s, %v", said, err)
	}
}
