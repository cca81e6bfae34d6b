/** From the settings of a command to those of the compiler. */
import type { CompileSettings } from '../model/compile-settings.ts';
import type { IngressSettings } from './settings.ts';

/** What only a process that serves knows. */
export type RuntimeCompileSettings = Pick<CompileSettings, 'fallbackCertificate' | 'listeners'>;

export function toCompileSettings(settings: IngressSettings, runtime: RuntimeCompileSettings): CompileSettings {
  return {
    ingressClass: settings.ingressClass,
    controllerName: settings.controllerName,
    watchIngressWithoutClass: settings.watchIngressWithoutClass,
    takeEveryIngress: settings.takeEveryIngress,
    annotationsPrefix: settings.annotationsPrefix,
    defaultBackendService: settings.defaultBackendService,
    defaultTlsSecret: settings.defaultTlsSecret,
    zone: settings.zone,
    fallbackCertificate: runtime.fallbackCertificate,
    listeners: runtime.listeners,
  };
}
