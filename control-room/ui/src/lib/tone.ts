// The one sound of the page: short and soft, for a new grade 1 case, where the operator switched sound on.

let context: AudioContext | undefined;

export function softTone(): void {
  context ??= new AudioContext();
  void context.resume();
  const start = context.currentTime;
  for (const [frequency, at] of [
    [587, 0],
    [784, 0.16],
  ] as const) {
    const oscillator = context.createOscillator();
    const gain = context.createGain();
    oscillator.type = 'sine';
    oscillator.frequency.value = frequency;
    gain.gain.setValueAtTime(0, start + at);
    gain.gain.linearRampToValueAtTime(0.12, start + at + 0.03);
    gain.gain.exponentialRampToValueAtTime(0.001, start + at + 0.5);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(start + at);
    oscillator.stop(start + at + 0.55);
  }
}
