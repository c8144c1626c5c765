// Sounds, speech and vibration. Silent until somebody asks for them, as browsers demand.

export class Sound {
  constructor() {
    this.on = false;
    /** @type {AudioContext | null} */
    this.audio = null;
  }

  toggle() {
    this.on = !this.on;
    if (this.on && !this.audio && window.AudioContext) this.audio = new AudioContext();
    this.audio?.resume();
    if (this.on) this.tone(660, 0.08);
    return this.on;
  }

  tone(hertz, seconds, later = 0, gain = 0.15, kind = "sine") {
    if (!this.on || !this.audio) return;
    const at = this.audio.currentTime + later;
    const source = this.audio.createOscillator(), volume = this.audio.createGain();
    source.type = /** @type {OscillatorType} */ (kind);
    source.frequency.value = hertz;
    volume.gain.setValueAtTime(gain, at);
    volume.gain.exponentialRampToValueAtTime(0.001, at + seconds);
    source.connect(volume).connect(this.audio.destination);
    source.start(at);
    source.stop(at + seconds);
  }

  tick() { this.tone(330, 0.05); }
  doubt() { this.tone(440, 0.08); this.tone(370, 0.1, 0.1); }
  alarm() { this.tone(140, 0.5, 0, 0.2, "square"); this.shake([200, 80, 200]); }

  target(words) {
    for (const hertz of [523, 659, 784]) this.tone(hertz, 1.2, 0, 0.1);
    this.shake([120, 60, 120, 60, 300]);
    this.say(words);
  }

  shake(pattern) { if (this.on) navigator.vibrate?.(pattern); }

  say(words) {
    if (!this.on || !window.speechSynthesis) return;
    const voice = speechSynthesis.getVoices().find((one) => one.localService && one.lang.startsWith(document.documentElement.lang));
    if (!voice) return; // others may send the words over the network
    const spoken = new SpeechSynthesisUtterance(words);
    spoken.voice = voice;
    speechSynthesis.speak(spoken);
  }
}
